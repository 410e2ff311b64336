"""Ollama on this machine or another one of your own. `OLLAMA_HOST` is read as Ollama itself reads it."""

from cherry.gateway.providers.spec import ProviderSpec

OLLAMA = ProviderSpec(
    name="ollama",
    title="Ollama",
    wire="ollama",
    base_url="http://127.0.0.1:11434",
    key_env=("OLLAMA_API_KEY",),
    url_env=("OLLAMA_BASE_URL", "OLLAMA_HOST"),
    needs_key=False,
    not_for_chat=("embed", "bge-", "minilm"),
    local_port=11434,
    prices_of="free",
    strip_from_url=("/api/chat", "/api", "/v1"),
)
