"""A model call that was under way when Cherry ended without a word (kill -9, power loss) is counted as if it had been paid in full.

The provider was asked, and nobody can say how far it got: what was reserved before the call is what it can have cost at most. Done when
the session is taken up again, whatever comes next; until then the ledger counts the reservation of the dead process as spent.
"""

from cherry.agent.journal import Journal
from cherry.agent.spending import Accounts
from cherry.domain.errors import CherryError, run
from cherry.domain.events import StepFailed
from cherry.domain.usage import Usage


async def settle(journal: Journal, accounts: Accounts) -> None:
    """Called by the session's writer before a turn begins or goes on."""
    started = journal.state.unsettled
    if started is not None:
        error = CherryError(
            run.INTERRUPTED,
            "Cherry ended while the model was answering",
            why=f"the call counts with the most it can have cost, ${started.reserved.usd:.4f}",
        )
        used = Usage(input_tokens=started.prompt_tokens, output_tokens=started.output_tokens, estimated=True)
        await journal.append(
            StepFailed(
                step=started.step,
                attempt=started.attempt,
                fault=error.fault(),
                partial=journal.state.streamed,
                usage=used,
                cost=started.reserved,
            )
        )
    if started is not None or accounts.budgets.scopes:
        await accounts.ledger.settle(journal.state.session)
