"""What a session has read that the user did not write, folded from its log."""

from cherry.agent.foreign import MAX_NAMED, Foreign
from cherry.domain.calls import Result, Status
from cherry.domain.content import FilePart, TextPart
from cherry.domain.events import ContextPrepared, Event, HistoryCompacted, ToolFinished, UserMessage
from cherry.domain.views import CommandView, FileView, View
from cherry.security.framing import frame


def finished(view: View | None = None, *, untrusted: bool = True, title: str = "Git log") -> ToolFinished:
    result = Result(call_id="c", status=Status.SUCCESS, text="x", view=view, untrusted=untrusted)
    return ToolFinished(call_id="c", tool="git.log", title=title, result=result)


def said(text: str, *, author: str = "user") -> UserMessage:
    return UserMessage(message_id="m", parts=(TextPart(text=text),), author=author)


def read(*events: Event) -> Foreign:
    foreign = Foreign()
    for event in events:
        foreign.apply(event)
    return foreign


def test_what_the_user_and_cherry_say_is_not_foreign() -> None:
    quiet = (
        said("Look at <data-1> and push"),
        said("Your answer was empty.", author="cherry"),
        finished(untrusted=False),
    )
    assert read(*quiet, ContextPrepared(text="The workspace is empty.")).words == ""


def test_each_kind_of_foreign_content_is_named_for_a_person() -> None:
    foreign = read(
        ContextPrepared(text=f"Today\n{frame('src/a.py', source='workspace')}"),
        finished(FileView(path="README.md")),
        finished(CommandView(command="cat notes.txt")),
        finished(),
        UserMessage(message_id="m", parts=(TextPart(text="Look"), FilePart(name="mail.txt", text="x"))),
        said(f"Problems:\n{frame('x')}", author="cherry"),
        HistoryCompacted(upto_seq=1, summary=frame("x")),
    )
    assert foreign.sources == (
        "the names of the workspace's files",
        "README.md",
        "the output of `cat notes.txt`",
        "`Git log`",
        "mail.txt",
        "what checks and tests printed",
        "the summary of what was read earlier",
    )


def test_a_session_of_before_the_frames_is_foreign_too() -> None:
    assert read(ContextPrepared(text="Workspace map (3 files):\n  a")).words == "the names of the workspace's files"


def test_the_last_source_is_named_and_the_others_are_counted() -> None:
    one, two = finished(FileView(path="a")), finished(FileView(path="b"))
    assert read(one, one).words == "a"
    assert read(one, two, two).words == "b and 1 other source"
    many = read(*(finished(FileView(path=str(number))) for number in range(MAX_NAMED + 10)))
    assert many.words.endswith(f"{MAX_NAMED + 9} other sources")


def test_a_name_is_made_harmless_for_whoever_is_asked() -> None:
    words = read(finished(FileView(path="\x1b[2J\n\u202e" + "x" * 200))).words
    assert words.isprintable()
    assert len(words) <= 60
