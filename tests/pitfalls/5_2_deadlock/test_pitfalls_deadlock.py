"""5.2 Two operations each hold what the other waits for."""

import asyncio
import json

import pytest

from cherry.testing.program import Program, provider
from cherry.testing.scripts import Script, SeenRequest, ToolCall, Words


async def test_naively_two_locks_in_two_orders_stand_still() -> None:
    first, second = asyncio.Lock(), asyncio.Lock()

    async def take(one: asyncio.Lock, other: asyncio.Lock) -> None:
        async with one:
            await asyncio.sleep(0)
            async with other:
                pass

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.gather(take(first, second), take(second, first)), timeout=0.2)


def both(first: str, second: str, who: str) -> ToolCall:
    """One change of two files, named in this order."""
    parts = [f"*** Update File: {name}\n@@\n-end\n+{who}\n+end\n" for name in (first, second)]
    return ToolCall("fs.apply", {"patch": "*** Begin Patch\n" + "".join(parts) + "*** End Patch\n"})


def test_changes_of_the_same_files_in_opposite_order_all_come_to_an_end(cherry: Program) -> None:
    for name in ("a.txt", "b.txt"):
        cherry.write(name, "end\n")

    def tell(request: SeenRequest) -> Words:
        who = next(message.text for message in request.messages if message.role == "user")
        asked = [call for message in request.messages for call in message.calls]
        told = [message.text for message in request.messages if message.role == "tool"]
        made = {call.arguments for call, text in zip(asked, told, strict=True) if "Error" not in text}
        wanted = [both("a.txt", "b.txt", f"{who} down"), both("b.txt", "a.txt", f"{who} up")]
        left = [call for call in wanted if not any(call.arguments["patch"] == json.loads(one)["patch"] for one in made)]
        return left or f"{who} is done."

    with provider(Script.of(tell)) as double:
        running = [cherry.start("run", who, double=double) for who in ("one", "two")]
        assert [one.ended(seconds=20).out for one in running] == ["one is done.\n", "two is done.\n"]
    for name in ("a.txt", "b.txt"):
        assert sorted(cherry.read(name).splitlines()) == ["end", "one down", "one up", "two down", "two up"]
