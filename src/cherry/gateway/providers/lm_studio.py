"""LM Studio's local server."""

from cherry.gateway.providers.spec import ProviderSpec
from cherry.gateway.wire.encoding import Quirks

LM_STUDIO = ProviderSpec(
    name="lmstudio",
    title="LM Studio",
    other_names=("lm-studio",),
    wire="openai-chat",
    base_url="http://127.0.0.1:1234/v1",
    key_env=("LMSTUDIO_API_KEY",),
    url_env=("LMSTUDIO_BASE_URL",),
    needs_key=False,
    not_for_chat=("embed",),
    local_port=1234,
    prices_of="free",
    quirks=Quirks(reasoning_back=True),
)
