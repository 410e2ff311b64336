"""A provider as data. Adding one is one file beside this, or one entry of `gateway.providers` in the configuration."""

from typing import NamedTuple

from cherry.gateway.settings import AuthStyle, WireName
from cherry.gateway.wire.encoding import Quirks


class ProviderSpec(NamedTuple):
    """What is true of a provider for everybody who uses it."""

    name: str
    wire: WireName
    base_url: str
    title: str = ""
    """How it calls itself."""
    other_names: tuple[str, ...] = ()
    """Also taken before the slash of `provider/model`."""
    key_env: tuple[str, ...] = ()
    """Environment variables that may hold the key; the first that is set counts."""
    url_env: tuple[str, ...] = ()
    """Environment variables that may replace `base_url`."""
    auth: AuthStyle = "bearer"
    needs_key: bool = True
    """Its own address answers nobody without a key. Another address may."""
    default_models: tuple[str, ...] = ()
    """The first is used when nothing else is chosen."""
    model_prefixes: tuple[str, ...] = ()
    """A model name that begins so is this provider's, when only the model is named."""
    not_for_chat: tuple[str, ...] = ()
    """Models whose name contains one of these are left out of listings."""
    local_port: int | None = None
    """Where its server usually listens on this machine; looked for at the first start."""
    prices_of: str = ""
    """Price list; empty: its own name. `free`: the server is the user's own."""
    quirks: Quirks = Quirks()
    custom_wire: WireName | None = None
    """Spoken at an address that is not its own; None: the same."""
    custom_quirks: Quirks | None = None
    """Differences at an address that is not its own; None: the same."""
    default_max_output: int | None = None
    """Sent when nobody set a bound, because the API wants one."""
    strip_from_url: tuple[str, ...] = ()
    """Endings of a base URL that the wire's own path begins with."""
    key_url: str = ""
    """Where to get a key."""
