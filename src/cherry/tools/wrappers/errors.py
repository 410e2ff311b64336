"""Turns what was raised into a result the model can act on. Details of a crash go to the log, never to the model."""

import logging

from cherry.domain.calls import Result
from cherry.domain.errors import CherryError, tools
from cherry.tools.invocation import Invocation, Proceed
from cherry.tools.results import failed

_LOG = logging.getLogger(__name__)


async def report_errors(invocation: Invocation, proceed: Proceed) -> Result:
    try:
        return await proceed(invocation)
    except CherryError as error:
        return failed(invocation.call, error)
    except Exception as error:  # any fault of any tool: the turn goes on
        _LOG.exception("%s crashed", invocation.tool.name)
        what = f"{invocation.tool.name} failed inside with {type(error).__name__}"
        return failed(invocation.call, CherryError(tools.CRASHED, what))
