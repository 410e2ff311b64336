"""Choosing a model: by name, or, when nobody named one, from what the environment and this machine have to offer."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple

from cherry.domain.errors import gateway as rows
from cherry.domain.errors.base import CherryError
from cherry.domain.prompts import ModelRef
from cherry.gateway.providers.provider import Provider

LOCAL_SECONDS: Final = 0.3
"""How long a server on this machine may take to say that it is there."""
LISTING_SECONDS: Final = 4.0

ListModels = Callable[[Provider, float], Awaitable[list[str]]]
"""The models a provider lists within so many seconds; empty when it does not answer."""
Lists = Callable[[str, str], bool]
"""Whether the facts know a provider (first) to have a model (second)."""


class Choice(NamedTuple):
    model: ModelRef
    because: str
    """What led to it, for people: `OPENAI_API_KEY is set`, `Ollama is running here`."""


async def choose_default(providers: Sequence[Provider], list_models: ListModels) -> Choice | None:
    """The first provider somebody set up, else the first server found on this machine; None when there is neither.

    Raises NO_PROVIDER or the provider's own problem when something was set up and nothing of it can be used.
    """
    for provider in providers:
        if provider.chosen_by and provider.usable and (model := await _first_model(provider, list_models)):
            return Choice(ModelRef(provider.name, model), f"{provider.chosen_by} is set")
    local = [
        provider for provider in providers if provider.spec.local_port and provider.usable and not provider.chosen_by
    ]
    for provider, models in await models_of(local, list_models):
        if models:
            return Choice(ModelRef(provider.name, models[0]), f"{provider.spec.title} is running here")
    if silent := next((provider for provider in providers if provider.chosen_by), None):
        raise silent.problem or _lists_nothing(silent)
    return None


async def models_of(providers: Sequence[Provider], list_models: ListModels) -> list[tuple[Provider, list[str]]]:
    """What each provider offers, asked all at once. Silence from a server on this machine is taken as an answer quickly."""
    waits = [LISTING_SECONDS if provider.chosen_by else LOCAL_SECONDS for provider in providers]
    listed = await asyncio.gather(
        *(list_models(provider, wait) for provider, wait in zip(providers, waits, strict=True))
    )
    return list(zip(providers, listed, strict=True))


def resolve(text: str, providers: Sequence[Provider], lists: Lists) -> ModelRef:
    """`provider/model`, or a model name alone where it can only mean one provider. Raises UNKNOWN_MODEL."""
    text = text.strip()
    ref = ModelRef.parse(text)
    named = find(ref.provider, providers) if ref else None
    # A model's own name may hold a slash: `qwen/qwen3-coder` at a server of one's own, when there is no key of Qwen.
    anything = _only([provider for provider in _chosen(providers) if _may_have_anything(provider)])
    if ref and named and (named.usable or not anything):
        return ModelRef(named.name, ref.model)
    candidates = [] if ref else _candidates(text, providers, lists)
    provider = _only(candidates) or anything or (None if ref else _only(_chosen(providers)))
    if provider is None or len(candidates) > 1:
        raise _unknown(text, candidates or providers, ambiguous=len(candidates) > 1)
    return ModelRef(provider.name, text)


def find(name: str, providers: Sequence[Provider]) -> Provider | None:
    return next((each for each in providers if name == each.name or name in each.spec.other_names), None)


async def _first_model(provider: Provider, list_models: ListModels) -> str:
    """The provider's usual model; at another address than its own, one of those that are really there."""
    if provider.default_models:
        return provider.default_models[0]
    usual = provider.spec.default_models
    listed = await list_models(provider, LISTING_SECONDS)
    if not listed and provider.spec.custom_wire is None:
        listed = list(usual)  # a proxy in front of the same models, which lists none
    return next((model for model in usual if model in listed), listed[0] if listed else "")


def _chosen(providers: Sequence[Provider]) -> list[Provider]:
    return [provider for provider in providers if provider.chosen_by and provider.usable]


def _may_have_anything(provider: Provider) -> bool:
    return not provider.own_address or not provider.spec.needs_key


def _only(providers: Sequence[Provider]) -> Provider | None:
    return providers[0] if len(providers) == 1 else None


def _candidates(model: str, providers: Sequence[Provider], lists: Lists) -> list[Provider]:
    """Who a bare model name can mean: those set up that claim it, else all that claim it."""
    claiming = [provider for provider in providers if _claims(provider, model, lists)]
    return [provider for provider in claiming if provider.chosen_by and provider.usable] or claiming


def _claims(provider: Provider, model: str, lists: Lists) -> bool:
    if model in provider.settings.models:
        return True
    prefixes = provider.spec.model_prefixes
    return bool(prefixes) and (model.startswith(prefixes) or (provider.own_address and lists(provider.name, model)))


def _lists_nothing(provider: Provider) -> CherryError:
    what = f"{provider.chosen_by} is set, but the server there names no model"
    step = f"Check that it is running, or name a model yourself: --model {provider.name}/NAME."
    return CherryError(rows.NO_PROVIDER, what, where=provider.base_url, next_step=step)


def _unknown(model: str, providers: Sequence[Provider], *, ambiguous: bool) -> CherryError:
    names = ", ".join(f"{provider.name}/{model}" if ambiguous else provider.name for provider in providers)
    why = f"it could be {names}" if ambiguous else f"providers are {names}"
    return CherryError(rows.UNKNOWN_MODEL, f"The model “{model}” is not known here", why=why)
