"""Which keyrings count: those that keep a secret."""

from types import SimpleNamespace

import keyring.backend
import keyring.backends.chainer
import keyring.backends.fail
import keyring.backends.null
import keyring.backends.SecretService
import keyring.errors
import pytest

from cherry.domain.errors import CherryError, secrets
from cherry.storage.secrets.keyrings import SystemKeyring, safe_backend


class PlainFile(keyring.backend.KeyringBackend):
    """Keeps what it is given where anybody reads it, and claims to be the best."""

    priority = 99

    def get_password(self, service: str, username: str) -> str | None:
        return None

    def set_password(self, service: str, username: str, password: str) -> None:
        raise AssertionError("a secret was given away")

    def delete_password(self, service: str, username: str) -> None: ...


class Locked(PlainFile):
    def get_password(self, service: str, username: str) -> str | None:
        raise keyring.errors.KeyringLocked("locked")


def chain(*backends: object) -> object:
    """A chain as the library makes one, of these."""
    kind = type("Chain", (), {"__module__": "keyring.backends.chainer", "backends": backends})
    return kind()


def test_backends_that_keep_nothing_or_keep_it_in_the_open_do_not_count() -> None:
    for backend in (keyring.backends.null.Keyring(), keyring.backends.fail.Keyring(), PlainFile(), None, chain()):
        assert safe_backend(backend) is None
    assert safe_backend(chain(PlainFile(), keyring.backends.fail.Keyring())) is None


def test_the_desktop_s_own_service_counts_also_behind_another_in_a_chain() -> None:
    service = keyring.backends.SecretService.Keyring()
    assert safe_backend(service) is service
    assert safe_backend(chain(PlainFile(), chain(service))) is service
    assert safe_backend(SimpleNamespace(backends=[service])) is None


def test_a_locked_keyring_is_told_as_such() -> None:
    with pytest.raises(CherryError) as raised:
        SystemKeyring(Locked()).get("cherry", "A")
    assert raised.value.kind is secrets.NO_KEYRING
