"""llama.cpp's `llama-server`."""

from cherry.gateway.providers.spec import ProviderSpec
from cherry.gateway.wire.encoding import Quirks

LLAMA_CPP = ProviderSpec(
    name="llamacpp",
    title="llama.cpp",
    other_names=("llama.cpp", "llama-cpp"),
    wire="openai-chat",
    base_url="http://127.0.0.1:8080/v1",
    key_env=("LLAMACPP_API_KEY",),
    url_env=("LLAMACPP_BASE_URL",),
    needs_key=False,
    not_for_chat=("embed",),
    local_port=8080,
    prices_of="free",
    quirks=Quirks(reasoning_back=True),
)
