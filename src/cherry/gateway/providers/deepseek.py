"""DeepSeek. With tools it wants every message with calls to carry its reasoning, even an empty one."""

from cherry.gateway.providers.spec import ProviderSpec
from cherry.gateway.wire.encoding import Quirks

DEEPSEEK = ProviderSpec(
    name="deepseek",
    title="DeepSeek",
    wire="openai-chat",
    base_url="https://api.deepseek.com",
    key_env=("DEEPSEEK_API_KEY",),
    url_env=("DEEPSEEK_BASE_URL",),
    default_models=("deepseek-v4-pro", "deepseek-flash"),
    model_prefixes=("deepseek",),
    quirks=Quirks(reasoning_back=True, reasoning_required=True),
    key_url="https://platform.deepseek.com/api_keys",
)
