"""vLLM. Not looked for by itself: its port is everybody's. Name it in the configuration or set VLLM_BASE_URL."""

from cherry.gateway.providers.spec import ProviderSpec
from cherry.gateway.wire.encoding import Quirks

VLLM = ProviderSpec(
    name="vllm",
    title="vLLM",
    wire="openai-chat",
    base_url="http://127.0.0.1:8000/v1",
    key_env=("VLLM_API_KEY",),
    url_env=("VLLM_BASE_URL",),
    needs_key=False,
    not_for_chat=("embed",),
    prices_of="free",
    quirks=Quirks(reasoning_back=True),
)
