"""Which names and values are kept, and what is told of them."""

from pathlib import Path

import pytest

from cherry.app.secrets import Secrets
from cherry.domain.errors import CherryError, secrets
from cherry.gateway.providers.provider import key_users
from cherry.storage.secrets.vault import Places, Vault


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(Places(tmp_path / "data" / "secrets.json", tmp_path / "config" / "secrets.key"))


@pytest.mark.parametrize("value", ["", "  \n", "two\nlines", "bell\x07", "k" * 30_000])
def test_what_cannot_be_a_key_is_not_kept(vault: Vault, value: str) -> None:
    with pytest.raises(CherryError) as raised:
        Secrets(vault, users={}, environ={}).set("A_KEY", value)
    assert raised.value.kind is secrets.BAD_VALUE
    assert vault.names() == ()


@pytest.mark.parametrize("name", ["", "sk-abc-1234", "lower_case", "WITH SPACE", "1KEY", "Ä", "A" * 101, "A\n"])
def test_a_name_is_that_of_a_variable_and_a_bad_one_is_not_told_again(vault: Vault, name: str) -> None:
    with pytest.raises(CherryError) as raised:
        Secrets(vault, users={}, environ={}).set(name, "value")
    assert raised.value.kind is secrets.BAD_NAME
    assert len(name) < 3 or name not in raised.value.message


def test_space_around_a_key_is_not_part_of_it(vault: Vault) -> None:
    Secrets(vault, users={}, environ={}).set("A_KEY", "  the key\r\n")
    assert vault.read() == {"A_KEY": "the key"}


def test_users_are_all_providers_that_look_for_the_name() -> None:
    users = key_users({"mine": "OPENAI_API_KEY", "other": "OTHER_KEY", "local": ""})
    assert (users["OPENAI_API_KEY"], users["OTHER_KEY"]) == (["OpenAI", "mine"], ["other"])
    assert "" not in users
