"""Turns what was raised into a result the model can act on. Details of a crash go to the log, never to the model."""

from cherry.domain.calls import Result
from cherry.domain.errors import CherryError, tools
from cherry.kernel.deadlines import DeadlineExceeded
from cherry.observability.log import Log
from cherry.tools.invocation import Invocation, Proceed, Wrapper
from cherry.tools.results import failed


def report_errors(log: Log) -> Wrapper:
    async def report(invocation: Invocation, proceed: Proceed) -> Result:
        try:
            return await proceed(invocation)
        except CherryError as error:
            return failed(invocation.call, error)
        except DeadlineExceeded as error:
            return failed(invocation.call, CherryError(tools.TIMEOUT, f"{invocation.tool.name}: {error}"))
        except Exception as error:  # any fault of any tool: the turn goes on
            log.error("tools.crashed", error=error, tool=invocation.tool.name, call=invocation.call.id)
            what = f"{invocation.tool.name} failed inside with {type(error).__name__}"
            return failed(invocation.call, CherryError(tools.CRASHED, what))

    return report
