"""OpenAI. Another `OPENAI_BASE_URL` is most likely a compatible server, which speaks chat completions."""

from cherry.gateway.providers.spec import ProviderSpec
from cherry.gateway.wire.encoding import Quirks

OPENAI = ProviderSpec(
    name="openai",
    title="OpenAI",
    wire="openai-responses",
    base_url="https://api.openai.com/v1",
    key_env=("OPENAI_API_KEY",),
    url_env=("OPENAI_BASE_URL", "OPENAI_API_BASE"),
    default_models=("gpt-6.1-sol", "gpt-6.1-terra", "gpt-6-luna"),
    model_prefixes=("gpt-", "o1", "o3", "o4", "chatgpt-", "codex-"),
    not_for_chat=(
        "embedding", "whisper", "tts", "dall-e", "image", "audio", "realtime", "moderation", "transcribe", "sora",
        "davinci", "babbage", "-instruct", "-live", "search",
    ),
    quirks=Quirks(cache_key=True, new_max_tokens=True),
    custom_wire="openai-chat",
    custom_quirks=Quirks(),
    key_url="https://platform.openai.com/api-keys",
)  # fmt: skip
