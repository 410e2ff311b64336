"""A Cherry in a process of its own that works until the budget stops it: `python budget_child.py ROOT LIMIT NAME`. Prints what it spent."""

import asyncio
import json
import sys
from decimal import Decimal
from pathlib import Path

from cherry.bootstrap.application import ModelChoice, open_application
from cherry.bootstrap.workspaces import Machine, Surroundings
from cherry.client.port import Request
from cherry.config.settings import LimitSettings, Settings
from cherry.domain.content import TextPart
from cherry.domain.events import Recorded, TurnFinished
from cherry.domain.prompts import ModelRef
from cherry.kernel.clock import SystemClock
from cherry.kernel.paths import home_folders
from cherry.observability.log import Log
from cherry.storage.open import open_store
from cherry.testing.model import Price, ScriptedGateway
from cherry.testing.scripts import Script, answer

PRICE = Price(input=Decimal(10), output=Decimal(30))
MODEL = ModelRef("openai", "test")
MOST_TURNS = 200


async def work(root: Path, limit: Decimal, name: str) -> None:
    workspace = root / name
    workspace.mkdir()
    environ = {"CHERRY_HOME": str(root / "home"), "PATH": "/usr/bin:/bin", "HOME": str(root)}
    around = Surroundings(
        store=open_store(root / "home"),
        settings=Settings(limits=LimitSettings(day_cost_usd=limit)),
        folders=home_folders(environ),
        environ=environ,
        clock=SystemClock(),
        log=Log(),
        machine=Machine.here(environ),
        trusted=False,
    )

    async def default() -> ModelRef:
        return MODEL

    client = open_application(
        around,
        gateway=ScriptedGateway(Script.forever(answer(" ".join(map(str, range(300))), delay=0.02)), price=PRICE),
        choice=ModelChoice(default, lambda text: ModelRef.parse(text) or MODEL),
        workspace=workspace,
        checks=lambda: asyncio.sleep(0, []),
    )
    print(json.dumps({"ready": True}), flush=True)
    sys.stdin.readline()
    sessions = [(await client.create_session(workspace)).id for _ in range(2)]
    ends = await asyncio.gather(*(turns_of(client, session) for session in sessions))
    spent = [(await client.session(session)).cost.usd for session in sessions]
    await client.close()
    print(json.dumps({"spent": str(sum(spent)), "codes": [end.fault and end.fault.code for end in ends]}), flush=True)


async def turns_of(client, session: str) -> TurnFinished:  # type: ignore[no-untyped-def]
    """Turn after turn until one does not end as done."""
    for number in range(MOST_TURNS):
        request = Request(parts=(TextPart(text=f"Request {number}"),))
        async for item in client.run(session, request):
            if isinstance(item, Recorded) and isinstance(item.event, TurnFinished):
                end = item.event
        if end.outcome != "done":
            return end
    return end


if __name__ == "__main__":
    asyncio.run(work(Path(sys.argv[1]), Decimal(sys.argv[2]), sys.argv[3]))
