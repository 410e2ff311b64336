"""The corpus of answers: what a model wrote, read, placed and written, right or refused."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from cherry.domain.errors import CherryError, tools
from cherry.edits.edit import Delete, Edit, Rename, Replace, SetMode, Write
from cherry.edits.placing import apply, complete, place
from cherry.edits.reading import EditStream, Reading, read_edits, read_patch
from cherry.edits.textfile import TextFile, decode, new_file

CORPUS = Path(__file__).parents[2] / "corpus" / "edits"


def cases() -> list[Any]:
    files = sorted(CORPUS.glob("answer_*.yaml"))
    return [
        pytest.param(case, id=f"{file.stem.removeprefix('answer_')}: {case['name']}")
        for file in files
        for case in yaml.safe_load(file.read_text("utf-8"))
    ]


class Workspace:
    """Files by path; edits are made one after another."""

    def __init__(self, files: dict[str, str]) -> None:
        self.files = {path: text.encode() for path, text in files.items()}

    def do(self, edit: Edit) -> None:
        match edit:
            case Replace(path=path):
                if path not in self.files and edit.old:
                    raise CherryError(tools.NO_SUCH_PATH, where=path)
                file = self._file(path)
                self.files[path] = file.encode(apply(file.text, place(file.text, edit)))
            case Write(path=path):
                file = self._file(path)
                self.files[path] = file.encode(file.adopt(complete(file.text, edit)))
            case Delete(path=path):
                del self.files[path]
            case Rename(path=path, to=to):
                self.files[to] = self.files.pop(path)
            case SetMode():
                pass

    def _file(self, path: str) -> TextFile:
        return decode(self.files[path]) if path in self.files else new_file()


def read(case: dict[str, Any]) -> Reading:
    return read_patch(case["answer"]) if case.get("patch") else read_edits(case["answer"])


def refusal(case: dict[str, Any]) -> tuple[str, str]:
    """Code and message of what stops the answer; empty when nothing does."""
    reading = read(case)
    if reading.faults:
        fault = reading.faults[0]
        return fault.code, f"{fault.message} {fault.next_step}"
    workspace = Workspace(case["files"])
    try:
        for edit in reading.edits:
            workspace.do(edit)
    except CherryError as error:
        return error.code, error.message
    return "", ""


@pytest.mark.parametrize("case", [case for case in cases() if "refused" in case.values[0]])
def test_an_answer_of_the_corpus_is_refused_with_the_reason(case: dict[str, Any]) -> None:
    code, message = refusal(case)
    assert code == case["refused"], message or read(case).edits
    for words in case.get("says", ()):
        assert words in message


@pytest.mark.parametrize("case", [case for case in cases() if "refused" not in case.values[0]])
def test_an_answer_of_the_corpus_is_applied_right(case: dict[str, Any]) -> None:
    reading = read(case)
    assert [fault.message for fault in reading.faults] == []
    workspace = Workspace(case["files"])
    for edit in reading.edits:
        workspace.do(edit)
    expected = {path: text for path, text in {**case["files"], **case["after"]}.items() if text is not None}
    assert {path: data.decode() for path, data in workspace.files.items()} == expected
    if "format" in case:
        assert reading.format == case["format"]


@pytest.mark.parametrize("case", [case for case in cases() if not case.values[0].get("patch")])
def test_however_an_answer_is_cut_the_edits_are_the_same(case: dict[str, Any]) -> None:
    whole = read_edits(case["answer"])
    for size in (1, 2, 3, 7, 64):
        stream = EditStream()
        seen: list[Edit] = []
        for start in range(0, len(case["answer"]), size):
            seen += stream.feed(case["answer"][start : start + size])
            assert seen == list(whole.edits[: len(seen)]), "an edit was given that is not in the whole answer"
        assert stream.close() == whole


@pytest.mark.parametrize("case", [case for case in cases() if not case.values[0].get("patch")])
def test_an_answer_that_breaks_off_gives_a_part_of_its_edits_and_no_others(case: dict[str, Any]) -> None:
    answer: str = case["answer"]
    whole = read_edits(answer).edits
    for end in range(0, len(answer), max(1, len(answer) // 60)):
        seen = EditStream().feed(answer[:end])
        assert tuple(seen) == whole[: len(seen)]


def test_the_corpus_is_large_and_its_names_tell_its_cases_apart() -> None:
    names = [param.id for param in cases()]
    assert len(names) >= 180
    assert len(set(names)) == len(names)
