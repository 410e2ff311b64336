"""The secret store as the rest of the program gets it.

Without its file nothing of it is loaded; with all its names set in the environment nothing is opened.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final, NamedTuple

from cherry.client.secrets import SecretsClient
from cherry.config.loader import Loaded
from cherry.domain.errors import CherryError
from cherry.gateway.providers.provider import key_users
from cherry.kernel.paths import HomeFolders
from cherry.storage.secrets.port import Keyring, SecretStore

STORE_FILE: Final = "secrets.json"
KEY_FILE: Final = "secrets.key"
PASSPHRASE, NEW_PASSPHRASE = "CHERRY_SECRETS_PASSPHRASE", "CHERRY_SECRETS_NEW_PASSPHRASE"


class Stored(NamedTuple):
    """What the store has for this process."""

    values: Mapping[str, str] = {}
    """Of the names the environment does not set."""
    unreadable: Callable[[str], CherryError | None] = lambda name: None
    """Why a name that is, or may be, in the store cannot be had."""
    hidden: Mapping[str, str] = {}
    """Everything of it that must be redacted."""

    def below(self, environ: Mapping[str, str]) -> dict[str, str]:
        """The environment with the stored values where it has none."""
        return {**environ, **self.values}


NOTHING: Final = Stored()


def read_stored(folders: HomeFolders, environ: Mapping[str, str]) -> Stored:
    """Raises nothing: what is wrong with the store matters to whoever needs a key from it."""
    phrases = {name: environ[name] for name in (PASSPHRASE, NEW_PASSPHRASE) if environ.get(name)}
    if not _there(folders.data / STORE_FILE):
        return NOTHING._replace(hidden=phrases)
    names: tuple[str, ...] | None = None
    try:
        vault = open_vault(folders, environ)
        names = tuple(name for name in vault.names() if not environ.get(name, "").strip())
        found: dict[str, str] = vault.read() if names else {}
    except CherryError as error:
        return Stored({}, _unreadable(names, error), phrases)
    # By names of their own: where the environment has another value, both are secrets.
    hidden = {f"{name}, kept" if name not in names else name: value for name, value in found.items()}
    return Stored({name: found[name] for name in names if name in found}, hidden={**hidden, **phrases})


def open_secrets(folders: HomeFolders, loaded: Loaded) -> SecretsClient:
    """Opens nothing yet."""
    app: Any = import_module("cherry.app.secrets")
    added = loaded.settings.gateway.providers
    users = key_users({name: entry.api_key_env for name, entry in added.items()})
    client: SecretsClient = app.Secrets(open_vault(folders, loaded.environ), users=users, environ=loaded.environ)
    return client


def open_vault(folders: HomeFolders, environ: Mapping[str, str]) -> SecretStore:
    module: Any = import_module("cherry.storage.secrets.vault")
    vault: SecretStore = module.Vault(
        module.Places(folders.data / STORE_FILE, folders.config / KEY_FILE),
        passphrases=module.Passphrases(environ.get(PASSPHRASE, ""), environ.get(NEW_PASSPHRASE, "")),
        find_keyring=_find_keyring,
    )
    return vault


def _find_keyring() -> Keyring | None:
    """None where the optional library is not installed, or no keyring is safe."""
    try:
        module: Any = import_module("cherry.storage.secrets.keyrings")
    except ImportError:
        return None
    found: Keyring | None = module.find_keyring()
    return found


def _there(file: Path) -> bool:
    try:
        file.lstat()
    except OSError:
        return False
    return True


def _unreadable(names: tuple[str, ...] | None, error: CherryError) -> Callable[[str], CherryError | None]:
    return lambda name: error if names is None or name in names else None
