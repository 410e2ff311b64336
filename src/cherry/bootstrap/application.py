"""One wired application: the use cases over a store, a gateway and the workspaces, behind the client protocol."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

from cherry.agent.spending import Accounts
from cherry.app.changes import Changes
from cherry.app.models import Models
from cherry.app.sessions import Sessions
from cherry.app.transfer import Transfer
from cherry.app.turns import Turns
from cherry.bootstrap.workspaces import Surroundings, open_workbench
from cherry.client.inprocess import InProcessClient
from cherry.client.port import Check
from cherry.domain.prompts import ModelRef
from cherry.engine.inline import InlineEngine
from cherry.gateway.port import Gateway
from cherry.observability.presence import RUNNING
from cherry.observability.watchdog import Watchdog
from cherry.security.redaction import Redactor, secret_values
from cherry.storage.holders import holder_id
from cherry.toon.definition import ToolDefinition


class ModelChoice(NamedTuple):
    """How a model is chosen: see `cherry.app.models.Models`."""

    default: Callable[[], Awaitable[ModelRef | None]]
    resolve: Callable[[str], ModelRef]


def open_application(
    around: Surroundings,
    *,
    gateway: Gateway,
    choice: ModelChoice,
    workspace: Path,
    checks: Callable[[], Awaitable[list[Check]]],
) -> InProcessClient:
    """A client for this process. Closing it ends running turns, background commands, connections and the store, in this order."""
    store = around.store
    engine = InlineEngine(store.log, around.clock, holder=holder_id())
    sessions = Sessions(store, engine)
    models = Models(
        gateway,
        default=choice.default,
        resolve=choice.resolve,
        accounts=Accounts(store.ledger, around.settings.limits.beyond_a_turn(), holder_id()),
    )

    async def chosen_model(text: str) -> str:
        return str(await models.resolve(text))

    turns = Turns(
        store,
        sessions=sessions,
        engine=engine,
        gateway=gateway,
        clock=around.clock,
        open_bench=lambda folder: open_workbench(folder, around),
        default_model=chosen_model,
        log=around.log,
        watchdog=Watchdog(
            around.log, running=around.folders.state / RUNNING, stacks=around.folders.state / "logs" / "stacks.txt"
        ),
    )

    def definitions() -> list[ToolDefinition]:
        return list(turns.bench("", workspace).toolbox.definitions())

    async def close() -> None:
        await turns.close()
        await gateway.close()
        await store.close()

    return InProcessClient(
        sessions=sessions,
        turns=turns,
        changes=Changes(store, sessions=sessions, turns=turns, engine=engine),
        models=models,
        transfer=Transfer(store, redact=Redactor({**secret_values(around.environ), **around.secrets}).redact),
        definitions=definitions,
        checks=checks,
        default_limits=around.settings.limits.for_turn(),
        close=close,
    )
