"""What watchers see of a command: everything in the end, a secret never, however it comes in pieces."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cherry.security.redaction import Redactor
from cherry.tools.live import PAUSE_SECONDS, LiveOutput

SECRET = "sk-proj-abcdefghijklmnopqrstuvwx1234567890"
REDACTOR = Redactor({"DB_PASSWORD": "correct horse 9 battery", "PIN": "1234 5678 90"})


@given(
    st.lists(st.sampled_from([SECRET, "correct horse 9 battery", "1234 5678 90", "\n", "....", "text ", "50%\r"])),
    st.data(),
)
def test_however_a_text_is_cut_the_same_is_shown_as_of_the_whole(parts: list[str], data: st.DataObject) -> None:
    text = " ".join(parts)
    cleaner = REDACTOR.stream()
    shown, at = "", 0
    while at < len(text):
        size = data.draw(st.integers(1, 30))
        shown += cleaner.feed(text[at : at + size])
        if data.draw(st.booleans()):
            shown += cleaner.pause()
        at += size
    shown += cleaner.finish()
    assert shown == REDACTOR.redact(text)


async def test_dots_are_shown_after_a_moment_and_words_with_their_line() -> None:
    seen: list[str] = []
    live = LiveOutput(REDACTOR.stream(), seen.append)
    live(".....")
    assert seen == []
    async with asyncio.timeout(20 + PAUSE_SECONDS):
        while not seen:
            await asyncio.sleep(0.01)
    live("F. ok ")
    live("then\nPass")
    live.end()
    live.end()
    assert "".join(seen) == ".....F. ok then\nPass"


@pytest.mark.parametrize("cut", [1, 5, 20, 40])
async def test_a_secret_in_two_pieces_is_not_shown(cut: int) -> None:
    seen: list[str] = []
    live = LiveOutput(REDACTOR.stream(), seen.append)
    for piece in ("key: " + SECRET[:cut], SECRET[cut:] + "\n"):
        live(piece)
    live.end()
    assert "".join(seen) == "key: [redacted: openai key]\n"
