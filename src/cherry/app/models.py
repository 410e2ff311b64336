"""Which models there are, which one a session uses, and whether one works."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

from cherry.agent.budget import Reserved, cost_of_failure, reserve
from cherry.agent.spending import MAX_TRIES, RESERVED_SECONDS, Accounts, shared_bound
from cherry.domain.content import FromUser, TextPart
from cherry.domain.errors import CherryError, gateway, storage
from cherry.domain.limits import Budgets
from cherry.domain.prompts import Answer, ModelRef, OfferedTool, Prompt, TextDelta
from cherry.domain.usage import Usage
from cherry.gateway.port import Gateway
from cherry.kernel.ids import new_id
from cherry.storage.ports import Amount

HOW_TO_GET_GOING = """Do one of these:
    cherry secrets set ANTHROPIC_API_KEY   or OPENAI_API_KEY, DEEPSEEK_API_KEY, DASHSCOPE_API_KEY
    export ANTHROPIC_API_KEY=…             the same, for this shell alone
    start Ollama, LM Studio or llama.cpp   Cherry finds them on their usual ports
    export OPENAI_BASE_URL=http://…/v1     any other server with an OpenAI-compatible API
  To see Cherry work without any of them: cherry demo"""
PROBE = OfferedTool(
    name="test.echo",
    description="Returns its text.",
    parameters={"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
)


class Models:
    def __init__(
        self,
        gateway: Gateway,
        *,
        default: Callable[[], Awaitable[ModelRef | None]],
        resolve: Callable[[str], ModelRef],
        accounts: Accounts | None = None,
    ) -> None:
        """`resolve` completes what a user wrote (`gpt-5`, `ollama/qwen3`) or raises CherryError(gateway.UNKNOWN_MODEL).

        `accounts`: where `test` counts what it spends, and the budget of the day it stays within.
        """
        self._gateway = gateway
        self._default = default
        self._resolve = resolve
        self._accounts = accounts

    async def default(self) -> ModelRef | None:
        return await self._default()

    async def resolve(self, text: str) -> ModelRef:
        """Raises CherryError(gateway.NO_PROVIDER) when nothing was named and nothing is set up."""
        if text:
            return self._resolve(text)
        model = await self._default()
        if model is None:
            raise CherryError(gateway.NO_PROVIDER, next_step=HOW_TO_GET_GOING)
        return model

    async def available(self) -> list[ModelRef]:
        return await self._gateway.available()

    async def test(self, text: str) -> dict[str, Any]:
        """One small call with a tool offered: what answered, how fast, whether it streams and calls tools, tokens and cost."""
        prompt = Prompt(
            model=await self.resolve(text),
            system="You are being tested.",
            messages=(FromUser(parts=(TextPart(text="Call test_echo with the text 'ok', then say nothing else."),)),),
            tools=(PROBE,),
            max_output_tokens=200,
            purpose="test",
        )
        if self._accounts is None:
            return await self._answered(prompt)
        id = new_id("r")
        reserved = await self._reserved(id, prompt, self._accounts)
        cost = Amount(reserved.ceiling.usd, reserved.tokens)  # unless we hear how much it really was
        try:
            report = await self._answered(reserved.prompt)
            cost = Amount(Decimal(report["cost_usd"] or 0), Usage.model_validate(report["usage"]).total_tokens)
        except CherryError as error:
            failed = cost_of_failure(error, reserved.ceiling, streamed=False)
            cost = Amount(failed.usd, reserved.tokens if failed.usd else 0)
            raise
        finally:
            await asyncio.shield(self._accounts.ledger.charge(id, cost))
        return report

    async def _reserved(self, id: str, prompt: Prompt, accounts: Accounts) -> Reserved:
        """Raises CherryError(run.DAY_BUDGET, UNPRICED): the other budgets belong to sessions and projects."""
        ledger, budgets, holder = accounts
        today = Budgets(day=budgets.day)
        tokens = self._gateway.count_tokens(prompt)
        for _ in range(MAX_TRIES):
            standings = await ledger.standings("")
            bounds = [shared_bound(scope, today, standings[scope]) for scope in today.scopes]
            reserved = reserve(prompt, tokens, bounds=bounds, gateway=self._gateway)
            wanted = Amount(reserved.ceiling.usd, reserved.tokens)
            if await ledger.reserve(id, "", wanted, today, holder=holder, seconds=RESERVED_SECONDS) is None:
                return reserved
        raise CherryError(storage.BUSY, "The budget could not be reserved", why="other processes were quicker")

    async def _answered(self, prompt: Prompt) -> dict[str, Any]:
        pieces = 0
        async for item in self._gateway.stream(prompt):
            if isinstance(item, TextDelta):
                pieces += 1
            elif isinstance(item, Answer):
                return _report(prompt.model, item, pieces)
        raise CherryError(gateway.CUT_STREAM)


def _report(model: ModelRef, answer: Answer, pieces: int) -> dict[str, Any]:
    return {
        "model": str(model),
        "answered_as": answer.model,
        "seconds": round(answer.seconds, 3),
        "first_byte_seconds": round(answer.first_byte_seconds, 3),
        "calls_tools": any(call.tool == PROBE.name for call in answer.message.calls),
        "text": answer.message.text,
        "pieces": pieces,
        "usage": answer.usage.model_dump(),
        "cost_usd": str(answer.cost.usd) if answer.cost.known else None,
    }
