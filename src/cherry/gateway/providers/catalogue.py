"""All built-in providers, in the order in which they are preferred when several have a key."""

from typing import Final

from cherry.gateway.providers.anthropic import ANTHROPIC
from cherry.gateway.providers.deepseek import DEEPSEEK
from cherry.gateway.providers.llama_cpp import LLAMA_CPP
from cherry.gateway.providers.lm_studio import LM_STUDIO
from cherry.gateway.providers.ollama import OLLAMA
from cherry.gateway.providers.openai import OPENAI
from cherry.gateway.providers.qwen import QWEN
from cherry.gateway.providers.spec import ProviderSpec
from cherry.gateway.providers.vllm import VLLM

BUILT_IN: Final[tuple[ProviderSpec, ...]] = (
    OPENAI,
    ANTHROPIC,
    DEEPSEEK,
    QWEN,
    OLLAMA,
    LM_STUDIO,
    LLAMA_CPP,
    VLLM,
)
