"""From what a tool gave, or how it failed, to the `Result` everyone else passes along."""

from cherry.domain.calls import Call, Result, Status
from cherry.domain.errors import CherryError
from cherry.tools.tool import Output


def succeeded(call: Call, output: Output | str) -> Result:
    if isinstance(output, str):
        output = Output(output)
    return Result(call_id=call.id, status=output.status, text=output.text, view=output.view, untrusted=output.untrusted)


def failed(call: Call, error: CherryError) -> Result:
    text = f"Error ({error.code}): {error.message} {error.next_step}".strip()
    return Result(call_id=call.id, status=Status.ERROR, text=text, fault=error.fault())
