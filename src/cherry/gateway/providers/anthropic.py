"""Anthropic."""

from cherry.gateway.providers.spec import ProviderSpec
from cherry.gateway.wire.anthropic import DEFAULT_MAX_OUTPUT

ANTHROPIC = ProviderSpec(
    name="anthropic",
    title="Anthropic",
    wire="anthropic",
    base_url="https://api.anthropic.com",
    key_env=("ANTHROPIC_API_KEY",),
    url_env=("ANTHROPIC_BASE_URL",),
    auth="x-api-key",
    default_models=("claude-sonnet-5-5", "claude-opus-5-5", "claude-haiku-5-5"),
    model_prefixes=("claude",),
    default_max_output=DEFAULT_MAX_OUTPUT,
    strip_from_url=("/v1/messages", "/v1"),
    key_url="https://console.anthropic.com/settings/keys",
)
