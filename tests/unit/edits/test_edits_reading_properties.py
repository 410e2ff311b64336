"""What must hold for any answer: it is read in bounded time, however it is cut, and never raises."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cherry.domain.errors import edits
from cherry.edits.edit import Edit
from cherry.edits.reading import EditStream, read_edits, read_patch

LINES = [
    *("a.py", "src/b.md", "`c.js`:", "In `d.py`:", "Create `z.py`:", "x = 1", "", "    deep", "- item", "---", "+++"),
    *("```", "```python", "```diff", "```json", "```yaml", "````", "~~~", "  ```", "```12:3:a.py", "# src/q.py"),
    *("<<<<<<< SEARCH", "=======", ">>>>>>> REPLACE", "# ... rest unchanged", "\ud800", "\0", "\r", "\\"),
    *("diff --git a/x b/x", "--- a/x.py", "+++ b/x.py", "+++ /dev/null", "--- /dev/null", "@@ -1,2 +1,2 @@", "@@"),
    *("-old", "+new", " same", "\\ No newline at end of file", "rename from x", "rename to y", "new file mode 100755"),
    *("*** Begin Patch", "*** Update File: a.py", "*** Add File: n.py", "*** Delete File: d", "*** Move to: e.py"),
    *("@@ class A", "*** End of File", "*** End Patch", "FILE: a.py", "ACTION: create", "ACTION: delete", "CONTENT:"),
    *('{"changes":[{"path":"a","content":"x"}]}', "{", "[", "changes:", "  - path: a", "    content: x"),
]
ANSWER = st.lists(st.sampled_from(LINES), max_size=25).map("\n".join)


@settings(deadline=None, max_examples=300)
@given(ANSWER, st.lists(st.integers(1, 30), min_size=1, max_size=10))
def test_however_an_answer_is_cut_it_is_read_the_same(answer: str, sizes: list[int]) -> None:
    whole = read_edits(answer)
    stream = EditStream()
    given_edits: list[Edit] = []
    position = 0
    while position < len(answer):
        size = sizes[position % len(sizes)]
        given_edits += stream.feed(answer[position : position + size])
        position += size
        assert given_edits == list(whole.edits[: len(given_edits)])
    assert stream.close() == whole


@settings(deadline=None)
@given(ANSWER)
def test_reading_never_fails_and_says_what_it_could_not_read(answer: str) -> None:
    for reading in (read_edits(answer), read_patch(answer)):
        assert all(fault.code == edits.MALFORMED.code and fault.message for fault in reading.faults)
        assert bool(reading.edits) == (reading.format != "none")
    assert read_patch(answer).edits or read_patch(answer).faults


@pytest.mark.parametrize(
    "answer",
    [
        "FILE:" + " " * 60_000 + "x\nACTION: create",
        "<<<<<<< SEARCH " + " a" * 60_000,
        "a.py" + " (" * 60_000,
        "*** Add File: " + " " * 60_000 + "\tx\n",
        "@@" + "@ " * 60_000,
        "{'a':" + "'\\" * 30_000,
        '{"changes": [' + '{"path":' * 3_000,
        '{"changes":[1,' + " " * 60_000 + "x",
        "changes:\n- path: a\n  content: " + "[" * 1_000,
        "```python\n# " + "a " * 60_000 + "\nx\n```",
        "```\n" * 20_000,
        "<<<<<<< SEARCH\n" * 20_000,
        "`" * 60_000 + "a",
    ],
    ids=range(13),
)
def test_a_hostile_answer_is_read_in_bounded_time(answer: str) -> None:
    started = time.process_time()
    read_edits(answer)
    assert time.process_time() - started < 5


def test_a_long_answer_is_read_in_bounded_time() -> None:
    block = "src/a.py\n```python\n<<<<<<< SEARCH\nx = {0}\n=======\nx = {0}1\n>>>>>>> REPLACE\n```\n\nSome words.\n\n"
    answer = "".join(block.replace("{0}", str(number)) for number in range(1, 1500))
    started = time.process_time()
    assert len(read_edits(answer).edits) == 1499
    assert time.process_time() - started < 5


def test_an_edit_is_given_as_soon_as_it_is_whole() -> None:
    stream = EditStream()
    assert stream.feed("a.py\n<<<<<<< SEARCH\nx = 1\n=======\nx = 2\n>>>>>>> REPLA") == []
    assert len(stream.feed("CE\n")) == 1
    assert stream.feed("b.py\n```python\nprint(1)\n```") == []
    assert len(stream.feed("\n\n")) == 1
    assert len(stream.close().edits) == 2
