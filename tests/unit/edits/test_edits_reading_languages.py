"""Every language of the corpus crossed with every disguise of an edit and every format: the result is known by construction."""

import difflib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from cherry.edits.edit import Replace, Write
from cherry.edits.placing import apply, complete, place
from cherry.edits.reading import read_edits
from cherry.edits.textfile import decode

LANGUAGES = Path(__file__).parents[2] / "corpus" / "edits" / "languages.yaml"


class Sample(NamedTuple):
    path: str
    before: str
    old: str
    new: str

    @property
    def after(self) -> str:
        assert self.before.count(self.old) == 1
        return self.before.replace(self.old, self.new)


SAMPLES = [
    pytest.param(Sample(case["path"], case["before"], case["old"], case["new"]), id=case["language"])
    for case in yaml.safe_load(LANGUAGES.read_text("utf-8"))
]


def each_line(text: str, change: Callable[[str], str]) -> str:
    return "".join(change(line) + "\n" for line in text.removesuffix("\n").split("\n"))


def indent(line: str) -> str:
    return re.match(r"[ \t]*", line)[0]  # type: ignore[index]


def dedented(sample: Sample) -> Sample:
    common = min((indent(line) for line in (sample.old + sample.new).split("\n") if line.strip()), key=len)
    strip = lambda line: line.removeprefix(common)  # noqa: E731
    return sample._replace(old=each_line(sample.old, strip), new=each_line(sample.new, strip))


def deeper(sample: Sample) -> Sample:
    more = "\t" if "\t" in sample.old else "    "
    push = lambda line: more + line  # noqa: E731
    return sample._replace(old=each_line(sample.old, push), new=each_line(sample.new, push))


def other_unit(sample: Sample) -> Sample:
    """Tabs become four spaces, spaces become tabs by the unit the sample uses."""
    widths = {len(indent(line)) for line in sample.before.split("\n") if line.strip()} - {0}
    unit = "\t" if "\t" in sample.old else " " * min(widths)
    target = "    " if unit == "\t" else "\t"
    turn = lambda line: indent(line).replace(unit, target) + line.lstrip()  # noqa: E731
    return sample._replace(old=each_line(sample.old, turn), new=each_line(sample.new, turn))


def numbered(sample: Sample) -> Sample:
    start = sample.before[: sample.before.index(sample.old)].count("\n") + 1

    def number(text: str) -> str:
        lines = text.removesuffix("\n").split("\n")
        return "".join(f"{start + i:>6}\t{line}\n" for i, line in enumerate(lines))

    return sample._replace(old=number(sample.old), new=number(sample.new))


def spaced(sample: Sample) -> Sample:
    return sample._replace(old=each_line(sample.old, lambda line: line + "  "), new=sample.new)


def escaped(sample: Sample) -> Sample:
    return sample._replace(old=json.dumps(sample.old)[1:-1], new=json.dumps(sample.new)[1:-1])


def blank_framed(sample: Sample) -> Sample:
    return sample._replace(old="\n" + sample.old + "\n", new="\n" + sample.new + "\n")


def crlf(sample: Sample) -> Sample:
    return sample._replace(old=sample.old.replace("\n", "\r\n"), new=sample.new.replace("\n", "\r\n"))


def fenced(sample: Sample) -> Sample:
    return sample._replace(old=f"```\n{sample.old}```\n", new=f"```\n{sample.new}```\n")


def unchanged(sample: Sample) -> Sample:
    return sample


def without_last_newline(sample: Sample) -> Sample:
    return sample._replace(old=sample.old.removesuffix("\n"), new=sample.new.removesuffix("\n"))


def without_first_indent(sample: Sample) -> Sample:
    return sample._replace(old=sample.old.lstrip(), new=sample.new.lstrip())


DISGUISES = [unchanged, dedented, deeper, other_unit, numbered, spaced, escaped, blank_framed, crlf, fenced]
DISGUISES += [without_last_newline, without_first_indent]


@pytest.mark.parametrize("disguise", DISGUISES, ids=lambda disguise: disguise.__name__)
@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize("ends", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_a_disguised_edit_gives_what_the_plain_one_would(
    sample: Sample, disguise: Callable[[Sample], Sample], ends: str
) -> None:
    edit = disguise(sample)
    text = sample.before.replace("\n", ends)
    result = apply(text, place(text, Replace(path=sample.path, old=edit.old, new=edit.new)))
    assert result == sample.after.replace("\n", ends)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("sample", SAMPLES)
def test_an_edit_keeps_the_encoding(sample: Sample, encoding: str) -> None:
    file = decode(sample.before.encode(encoding))
    result = file.encode(apply(file.text, place(file.text, Replace(path=sample.path, old=sample.old, new=sample.new))))
    assert result == sample.after.encode(encoding)


def search_replace(sample: Sample) -> str:
    return f"Do this:\n\n{sample.path}\n```\n<<<<<<< SEARCH\n{sample.old}=======\n{sample.new}>>>>>>> REPLACE\n```\n"


def unified(sample: Sample) -> str:
    lines = difflib.unified_diff(
        sample.before.splitlines(keepends=True),
        sample.after.splitlines(keepends=True),
        f"a/{sample.path}",
        f"b/{sample.path}",
    )
    return f"The change:\n\n```diff\n{''.join(lines)}```\n"


def unified_with_wrong_numbers(sample: Sample) -> str:
    return re.sub(r"@@ -\d+,\d+ \+\d+,\d+ @@", "@@ -77,7 +99,9 @@", unified(sample))


def patch(sample: Sample) -> str:
    removed = each_line(sample.old, lambda line: "-" + line)
    added = each_line(sample.new, lambda line: "+" + line)
    return f"*** Begin Patch\n*** Update File: {sample.path}\n@@\n{removed}{added}*** End Patch\n"


def whole_file(sample: Sample) -> str:
    return f"**{sample.path}**\n\n```\n{sample.after}```\n"


def file_block(sample: Sample) -> str:
    return f"FILE: {sample.path}\nACTION: modify\nCONTENT:\n```\n{sample.after}```\n"


def json_list(sample: Sample) -> str:
    changes = {"changes": [{"path": sample.path, "old": sample.old, "new": sample.new}]}
    return f"```json\n{json.dumps(changes, indent=2)}\n```\n"


def yaml_list(sample: Sample) -> str:
    if "\t" in sample.old:
        quoted = f"    old: {json.dumps(sample.old)}\n    new: {json.dumps(sample.new)}\n"
    else:
        block = lambda text: each_line(text, lambda line: "      " + line)  # noqa: E731
        quoted = f"    old: |2\n{block(sample.old)}    new: |2\n{block(sample.new)}"
    return f"```yaml\nchanges:\n  - path: {sample.path}\n{quoted}```\n"


FORMATS = [search_replace, unified, unified_with_wrong_numbers, patch, whole_file, file_block, json_list, yaml_list]


@pytest.mark.parametrize("written", FORMATS, ids=lambda written: written.__name__)
@pytest.mark.parametrize("sample", SAMPLES)
def test_every_format_of_an_edit_gives_the_same_file(sample: Sample, written: Callable[[Sample], str]) -> None:
    reading = read_edits(written(sample))
    assert reading.faults == ()
    text = sample.before
    for edit in reading.edits:
        assert isinstance(edit, Replace | Write)
        assert edit.path == sample.path
        text = apply(text, place(text, edit)) if isinstance(edit, Replace) else complete(text, edit)
    assert text == sample.after
