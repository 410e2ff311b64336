"""Model providers as real HTTP servers: OpenAI (chat and responses), Anthropic and Ollama, driven by a script."""

from cherry.testing.wire.double import WireDouble
from cherry.testing.wire.records import KEY, Provider, RecordedRequest, environment, refused_address

__all__ = ["KEY", "Provider", "RecordedRequest", "WireDouble", "environment", "refused_address"]
