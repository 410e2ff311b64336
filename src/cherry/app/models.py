"""Which models there are, which one a session uses, and whether one works."""

from collections.abc import Awaitable, Callable
from typing import Any

from cherry.domain.content import FromUser, TextPart
from cherry.domain.errors import CherryError, gateway
from cherry.domain.prompts import Answer, ModelRef, OfferedTool, Prompt, TextDelta
from cherry.gateway.port import Gateway

HOW_TO_GET_GOING = """Do one of these:
    export ANTHROPIC_API_KEY=…             or OPENAI_API_KEY, DEEPSEEK_API_KEY, DASHSCOPE_API_KEY
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
        self, gateway: Gateway, *, default: Callable[[], Awaitable[ModelRef | None]], resolve: Callable[[str], ModelRef]
    ) -> None:
        """`resolve` completes what a user wrote (`gpt-5`, `ollama/qwen3`) or raises CherryError(gateway.UNKNOWN_MODEL)."""
        self._gateway = gateway
        self._default = default
        self._resolve = resolve

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
