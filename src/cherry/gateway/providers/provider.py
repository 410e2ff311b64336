"""Providers as they are set up here: what is built in, what the environment says, what the configuration says, in this order."""

from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from cherry.domain.errors import config, gateway
from cherry.domain.errors.base import CherryError
from cherry.gateway.providers.catalogue import BUILT_IN
from cherry.gateway.providers.spec import ProviderSpec
from cherry.gateway.settings import AuthStyle, GatewaySettings, ProviderSettings, WireName
from cherry.gateway.wire.encoding import Quirks


class Secret:
    """A key. Its text appears nowhere by accident."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __repr__(self) -> str:
        return "Secret(***)" if self._text else "Secret()"


class Provider(NamedTuple):
    """One provider, ready to be called or with the reason why not."""

    spec: ProviderSpec
    base_url: str
    wire: WireName
    auth: AuthStyle
    key: Secret
    key_env: str
    """The variable the key came from, or the first one to set."""
    quirks: Quirks
    settings: ProviderSettings
    chosen_by: str
    """What in the environment or configuration points to it; empty when nothing does."""
    own_address: bool
    problem: CherryError | None = None
    """Raised when it is used."""

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def usable(self) -> bool:
        return self.problem is None

    @property
    def default_models(self) -> tuple[str, ...]:
        """Known without asking. A server at another address may have quite different ones."""
        return self.settings.models or (self.spec.default_models if self.own_address else ())


KeyProblem = Callable[[str], CherryError | None]
"""Why the key of a name cannot be had although somebody keeps it; None when nobody does."""


def set_up(
    environ: Mapping[str, str], settings: GatewaySettings, *, unreadable: KeyProblem = lambda name: None
) -> tuple[Provider, ...]:
    """All providers there are, built in and added; reads no network and raises nothing."""
    added = [_added(name, entry) for name, entry in settings.providers.items() if not _built_in(name)]
    return tuple(_provider(spec, environ, settings, unreadable) for spec in (*BUILT_IN, *added))


def key_users(added: Mapping[str, str]) -> dict[str, list[str]]:
    """Who looks for a key, by the name of the key. `added`: the name a configured provider looks for, empty for none."""
    users: dict[str, list[str]] = {}
    for spec in BUILT_IN:
        for name in spec.key_env:
            users.setdefault(name, []).append(spec.title or spec.name)
    for provider, name in added.items():
        if name:
            users.setdefault(name, []).append(provider)
    return users


def _built_in(name: str) -> ProviderSpec | None:
    return next((spec for spec in BUILT_IN if name == spec.name or name in spec.other_names), None)


def _added(name: str, entry: ProviderSettings) -> ProviderSpec:
    return ProviderSpec(
        name=name,
        title=name,
        wire=entry.wire or "openai-chat",
        base_url=entry.base_url,
        auth="x-api-key" if entry.wire == "anthropic" else "bearer",
        needs_key=bool(entry.api_key_env),
        default_models=entry.models,
        # What the wire of a known provider needs, an added one that speaks it needs as well.
        default_max_output=next((spec.default_max_output for spec in BUILT_IN if spec.wire == entry.wire), None),
        strip_from_url=next((spec.strip_from_url for spec in BUILT_IN if spec.wire == entry.wire), ()),
    )


def _provider(
    spec: ProviderSpec, environ: Mapping[str, str], settings: GatewaySettings, unreadable: KeyProblem
) -> Provider:
    names = (spec.name, *spec.other_names)
    entry = next((settings.providers[name] for name in names if name in settings.providers), None)
    chosen_by = f"gateway.providers.{spec.name}" if entry else ""
    entry = entry or ProviderSettings()
    key_names = (entry.api_key_env,) if entry.api_key_env else spec.key_env
    key_env, key = _first_set(environ, key_names)
    url_env, url = _first_set(environ, spec.url_env)
    where = f"gateway.providers.{spec.name}.base_url" if entry.base_url else url_env
    base_url, problem = _address(spec, entry.base_url or url or spec.base_url, where or spec.name)
    own = base_url == _address(spec, spec.base_url, "")[0]
    if key:
        chosen_by = chosen_by or key_env
    elif url_env and url_env != "OLLAMA_HOST":  # which also tells a server where to listen
        chosen_by = chosen_by or url_env
    lost = _lost(key_names, unreadable) if not key and _needs_key(spec, own=own) else None
    if lost:
        chosen_by = chosen_by or lost[0]
    problem = problem or (lost and lost[1]) or _key_problem(spec, key, key_env or "".join(key_names[:1]), own=own)
    return Provider(
        spec=spec,
        base_url=base_url,
        wire=entry.wire or (spec.wire if own else spec.custom_wire or spec.wire),
        auth=entry.auth or spec.auth,
        key=Secret(key),
        key_env=key_env or "".join(key_names[:1]),
        quirks=(spec.quirks if own else spec.custom_quirks or spec.quirks)._replace(end_marker=entry.end_marker),
        settings=entry,
        chosen_by=chosen_by,
        own_address=own,
        problem=problem,
    )


def _first_set(environ: Mapping[str, str], names: tuple[str, ...]) -> tuple[str, str]:
    return next(((name, value) for name in names if (value := environ.get(name, "").strip())), ("", ""))


def _address(spec: ProviderSpec, text: str, where: str) -> tuple[str, CherryError | None]:
    """The base URL in one form: with a scheme, without an end that the wire adds itself."""
    url = text.strip()
    url = url if url.endswith("://") else url.rstrip("/")
    if "://" not in url and url:
        url = ("http://" if _looks_local(url) or spec.local_port else "https://") + url.lstrip(":/")
    for ending in spec.strip_from_url:
        url = url.removesuffix(ending)
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname)
        port = parts.port
    except ValueError:
        good, port = False, None
    if not good:
        what = f"The base URL of {spec.name} is not an address"
        return url, CherryError(
            config.BAD_VALUE,
            what,
            where=where,
            why=f"“{text.strip()[:80]}”; expected something like http://host:8000/v1",
        )
    if spec.local_port and port is None and "://" not in text:
        url = url.replace(parts.netloc, f"{parts.netloc}:{spec.local_port}", 1)
    return url.replace("//0.0.0.0", "//127.0.0.1"), None


def _looks_local(address: str) -> bool:
    host = address.partition("/")[0].rpartition(":")[0] or address.partition("/")[0]
    return host in ("localhost", "127.0.0.1", "[::1]", "0.0.0.0") or address.startswith(":")  # noqa: S104 — only compared


def _key_problem(spec: ProviderSpec, key: str, key_env: str, *, own: bool) -> CherryError | None:
    if key and not (key.isascii() and key.isprintable() and " " not in key):
        what = f"The key of {spec.name} has characters that no key has"
        return CherryError(gateway.AUTH, what, where=key_env, next_step=f"Set {key_env} to the key alone.")
    if not key and _needs_key(spec, own=own):
        step = f"Run `cherry secrets set {key_env}`, or set {key_env}"
        step += f" (get a key at {spec.key_url})." if spec.key_url else "."
        return CherryError(gateway.NO_PROVIDER, f"There is no key for {spec.title or spec.name}", next_step=step)
    return None


def _needs_key(spec: ProviderSpec, *, own: bool) -> bool:
    """An added provider says by naming a variable that it needs a key; a built-in one needs it at its own address only."""
    return spec.needs_key and (own or spec not in BUILT_IN)


def _lost(names: tuple[str, ...], unreadable: KeyProblem) -> tuple[str, CherryError] | None:
    return next(((name, error) for name in names if (error := unreadable(name))), None)
