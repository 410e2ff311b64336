"""The model gateway from the settings, and how a session's model is chosen."""

from pathlib import Path

from cherry.bootstrap.application import ModelChoice
from cherry.bootstrap.secrets import NOTHING, Stored
from cherry.config.loader import Loaded
from cherry.domain.errors import CherryError, gateway
from cherry.domain.prompts import ModelRef
from cherry.gateway.gateway import ModelGateway
from cherry.gateway.providers.discovery import find
from cherry.gateway.settings import GatewaySettings
from cherry.kernel.clock import Clock
from cherry.security.redaction import Redactor, secret_values


def open_gateway(
    loaded: Loaded,
    *,
    clock: Clock,
    record: Path | None = None,
    replay: Path | None = None,
    stored: Stored = NOTHING,
) -> tuple[ModelGateway, ModelChoice]:
    """Opens no connection. Raises CherryError(gateway.UNKNOWN_MODEL) when a preferred provider does not exist."""
    configured = loaded.settings.gateway.model_dump(exclude_unset=True)
    settings = GatewaySettings.model_validate(
        {**configured, "model": loaded.settings.model.default, "record": record, "replay": replay}
    )
    made = ModelGateway(
        settings,
        environ=stored.below(loaded.environ),
        clock=clock,
        redact=Redactor({**secret_values(loaded.environ), **stored.hidden}).redact,
        unreadable=stored.unreadable,
    )
    preferred = loaded.settings.model.provider

    async def default() -> ModelRef | None:
        if preferred and not settings.model and replay is None:
            return await _first_of(made, preferred)
        choice = await made.default_model()
        return choice.model if choice else None

    return made, ModelChoice(default, made.resolve)


async def _first_of(made: ModelGateway, name: str) -> ModelRef:
    provider = find(name, made.providers)
    if provider is None:
        known = ", ".join(each.name for each in made.providers)
        raise CherryError(gateway.UNKNOWN_MODEL, f"There is no provider {name}", why=f"providers are {known}")
    models = provider.default_models or [ref.model for ref in await made.available() if ref.provider == provider.name]
    if not models:
        raise CherryError(gateway.NO_PROVIDER, f"{provider.name} offers no model", where="model.provider")
    return ModelRef(provider.name, models[0])
