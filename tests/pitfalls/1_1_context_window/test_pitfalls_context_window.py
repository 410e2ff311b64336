"""1.1 The context window is used up: symptoms are a forgotten rule, an answer cut short, an error of the provider."""

from cherry.testing.program import Program, provider
from cherry.testing.scripts import Refuse, Script, SeenRequest, ToolCall, Words

WINDOW = 12_000
"""Tokens."""
RULE = "Never touch anything in legacy/."
STEPS = 30
PAGE = "".join(f"{number} some words that fill a line of a file\n" for number in range(60))


def size(request: SeenRequest) -> int:
    """Tokens, roughly and on the low side; without what is said of the tools."""
    calls = sum(len(call.arguments) for message in request.messages for call in message.calls)
    return (len(request.system) + sum(len(message.text) for message in request.messages) + calls) // 5


class NaiveHistory:
    """Keeps all it ever heard in the prompt."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def add(self, text: str) -> int:
        self.messages.append(text)
        return sum(map(len, self.messages)) // 5


def test_naively_the_prompt_outgrows_the_window() -> None:
    history = NaiveHistory()
    assert max(history.add(PAGE) for _ in range(STEPS)) > WINDOW


def test_the_prompt_stays_within_the_window_and_the_first_rule_is_still_in_the_last_one(cherry: Program) -> None:
    for number in range(STEPS):
        cherry.write(f"page{number}.txt", PAGE)
    asked: list[SeenRequest] = []

    def tell(request: SeenRequest) -> Words:
        if not request.tools:
            return "Some pages were read."
        asked.append(request)
        if size(request) > WINDOW:
            return Refuse("context_too_long")
        if len(asked) <= STEPS:
            return ToolCall("fs.read", {"path": f"page{len(asked) - 1}.txt"})
        return "All pages are read."

    with provider(Script.of(tell)) as double:
        window = {"CHERRY_GATEWAY__PROVIDERS": f'{{"openai": {{"context_window": {WINDOW}}}}}'}
        ended = cherry.run("run", f"Read all pages. {RULE}", double=double, environ=window)
        assert (ended.code, ended.out) == (0, "All pages are read.\n")
        assert double.complaints == []
    assert max(map(size, asked)) <= WINDOW
    assert any(RULE in message.text for message in asked[-1].messages)
    read = [recorded for recorded in cherry.log() if recorded.event.kind == "tool.finished"]
    assert len(read) == STEPS, "the whole of it is kept on disk"
