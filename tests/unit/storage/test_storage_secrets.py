"""The secret store: what is set is read again, and nothing that was touched is."""

import json
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cherry.domain.errors import CherryError, ErrorKind, secrets
from cherry.storage.secrets.document import KeyFacts, SealedSecrets, parse, written
from cherry.storage.secrets.port import Keyring
from cherry.storage.secrets.sealing import new_key, open_all, seal_all
from cherry.storage.secrets.vault import Passphrases, Places, Vault

NAME, VALUE = "OPENAI_API_KEY", "sk-wood-1234567890"
Text = st.text(st.characters(codec=None, exclude_categories=()), max_size=30)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "data" / "secrets.json", tmp_path / "config" / "secrets.key")


def refused(work: Callable[[], object], kind: ErrorKind) -> CherryError:
    with pytest.raises(CherryError) as raised:
        work()
    assert raised.value.kind is kind, raised.value
    assert VALUE not in str(raised.value)
    return raised.value


class DictKeyring:
    """A keyring in memory."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}

    def get(self, service: str, name: str) -> str | None:
        return self.kept.get((service, name))

    def set(self, service: str, name: str, value: str) -> None:
        self.kept[service, name] = value

    def remove(self, service: str, name: str) -> None:
        self.kept.pop((service, name), None)


def test_what_is_set_is_read_by_the_next_one_and_gone_when_removed(places: Places) -> None:
    Vault(places).set(NAME, VALUE)
    Vault(places).set("OTHER_KEY", "böse\nZeile")
    assert Vault(places).read() == {NAME: VALUE, "OTHER_KEY": "böse\nZeile"}
    assert (Vault(places).names(), Vault(places).kept_in()) == ((NAME, "OTHER_KEY"), "file")
    Vault(places).remove(NAME)
    assert Vault(places).read() == {"OTHER_KEY": "böse\nZeile"}
    refused(lambda: Vault(places).remove(NAME), secrets.UNKNOWN)


def test_an_empty_place_has_no_secrets_and_reading_makes_no_file(places: Places) -> None:
    assert (Vault(places).read(), Vault(places).names(), Vault(places).kept_in()) == ({}, (), "nowhere")
    assert not places.store.parent.exists()
    assert not places.key.parent.exists()


def test_only_the_owner_can_read_the_files_and_neither_tells_the_value(places: Places) -> None:
    before = os.umask(0)
    try:
        Vault(places).set(NAME, VALUE)
    finally:
        os.umask(before)
    for file in (places.store, places.key):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
        assert VALUE not in file.read_text()
    assert sorted(path.name for path in places.store.parent.iterdir()) == ["secrets.json", "secrets.lock"]


@pytest.mark.parametrize("which", ["store", "key"])
def test_a_file_that_others_can_read_or_that_is_a_link_is_refused(places: Places, which: str, tmp_path: Path) -> None:
    Vault(places).set(NAME, VALUE)
    file: Path = getattr(places, which)
    file.chmod(0o640)
    assert "640" in refused(Vault(places).read, secrets.EXPOSED).message
    refused(lambda: Vault(places).set("B", VALUE), secrets.EXPOSED)
    file.chmod(0o600)
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    refused(Vault(places).read, secrets.EXPOSED)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(Text, Text, max_size=5))
def test_any_names_and_values_come_back(values: dict[str, str]) -> None:
    with TemporaryDirectory() as folder:
        vault = Vault(Places(Path(folder, "d", "s.json"), Path(folder, "c", "s.key")))
        for name, value in values.items():
            vault.set(name, value)
        assert vault.read() == values


FACTS, KEY = KeyFacts(3, "file"), new_key()


def opened(content: bytes) -> dict[str, str]:
    document = parse(content, "here")
    assert isinstance(document, SealedSecrets)
    return open_all(document, KEY, "here")


def sealed(values: dict[str, str]) -> bytes:
    return written(seal_all(values, FACTS, KEY))


SAMPLE = sealed({NAME: VALUE, "B": "b"})


def test_every_single_byte_that_is_flipped_is_noticed() -> None:
    for place in range(len(SAMPLE)):
        for mask in (0x01, 0x20, 0x80):
            changed = bytearray(SAMPLE)
            changed[place] ^= mask
            with pytest.raises(CherryError):
                opened(bytes(changed))


@given(st.integers(0, len(SAMPLE) - 1), st.binary(max_size=5), st.integers(0, 5))
def test_whatever_is_put_in_or_left_out_is_noticed(place: int, put: bytes, taken: int) -> None:
    changed = SAMPLE[:place] + put + SAMPLE[place + taken :]
    if changed != SAMPLE:
        with pytest.raises(CherryError):
            opened(changed)


def without(raw: dict[str, object], name: str) -> dict[str, object]:
    values = raw["values"]
    assert isinstance(values, dict)
    return {**raw, "values": {each: value for each, value in values.items() if each != name}}


def moved(raw: dict[str, object]) -> dict[str, object]:
    values = raw["values"]
    assert isinstance(values, dict)
    return {**raw, "values": {NAME: values["B"], "B": values[NAME]}}


@pytest.mark.parametrize("change", [lambda raw: without(raw, "B"), moved, lambda raw: {**raw, "more": 1}])
def test_a_value_left_out_moved_or_added_by_somebody_else_is_noticed(
    change: Callable[[dict[str, object]], dict[str, object]],
) -> None:
    content = json.dumps(change(json.loads(SAMPLE)), indent=1, sort_keys=True).encode() + b"\n"
    with pytest.raises(CherryError) as raised:
        opened(content)
    assert raised.value.kind is secrets.DAMAGED


def test_every_value_has_its_own_nonce_and_a_new_one_each_time() -> None:
    seen: list[str] = []
    for _ in range(20):
        raw = json.loads(sealed({NAME: VALUE, "B": VALUE}))
        seen += [raw["proof"][0], raw["whole"][0], *(pair[0] for pair in raw["values"].values())]
    assert len(set(seen)) == len(seen) == 80


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff", b"[" * 100_000, SAMPLE[:-1], b'{"format": "other"}'])
def test_a_damaged_or_foreign_file_is_named_and_never_overwritten(places: Places, content: bytes) -> None:
    places.store.parent.mkdir()
    places.store.write_bytes(content)
    places.store.chmod(0o600)
    refused(Vault(places).read, secrets.DAMAGED)
    for change in (lambda: Vault(places).set("B", "x"), lambda: Vault(places).remove(NAME), Vault(places).rotate):
        refused(change, secrets.DAMAGED)
    assert places.store.read_bytes() == content


def test_the_file_of_a_newer_cherry_is_left_alone(places: Places) -> None:
    places.store.parent.mkdir()
    places.store.write_text('{"format": "cherry-secrets", "version": 2}')
    places.store.chmod(0o600)
    refused(lambda: Vault(places).set("B", "x"), secrets.NEWER)


def test_without_its_key_file_nothing_is_read_and_nothing_overwritten(places: Places) -> None:
    Vault(places).set(NAME, VALUE)
    before, key = places.store.read_bytes(), places.key.read_bytes()
    places.key.unlink()
    assert str(places.key) in refused(Vault(places).read, secrets.NO_KEY).message
    refused(lambda: Vault(places).set("B", "x"), secrets.NO_KEY)
    assert (places.store.read_bytes(), places.key.exists()) == (before, False)
    places.key.write_bytes(key)
    places.key.chmod(0o600)
    assert Vault(places).read() == {NAME: VALUE}


def test_another_key_is_told_from_a_damaged_file(places: Places, tmp_path: Path) -> None:
    Vault(places).set(NAME, VALUE)
    other = Places(tmp_path / "other" / "s.json", tmp_path / "other" / "s.key")
    Vault(other).set(NAME, VALUE)
    refused(Vault(Places(places.store, other.key)).read, secrets.WRONG_KEY)
    places.key.write_text("no key")
    refused(Vault(places).read, secrets.DAMAGED)


def test_with_a_passphrase_no_key_lies_anywhere(places: Places) -> None:
    Vault(places, passphrases=Passphrases("wörter")).set(NAME, VALUE)
    assert not places.key.exists()
    assert Vault(places).names() == (NAME,)
    assert Vault(places, passphrases=Passphrases("wörter")).read() == {NAME: VALUE}
    refused(Vault(places).read, secrets.NO_PASSPHRASE)
    refused(Vault(places, passphrases=Passphrases("wort")).read, secrets.WRONG_KEY)
    refused(lambda: Vault(places, passphrases=Passphrases("wort")).set("B", "x"), secrets.WRONG_KEY)


def test_a_rotation_seals_all_with_a_new_key_and_forgets_the_old_one(places: Places) -> None:
    for number in range(3):
        Vault(places).set(f"KEY_{number}", str(number))
    values, store, key = Vault(places).read(), places.store.read_bytes(), places.key.read_bytes()
    assert Vault(places).rotate() == 3
    assert Vault(places).read() == values
    assert set(json.loads(key)["keys"]) == {"1"}
    assert set(json.loads(places.key.read_text())["keys"]) == {"2"}
    assert json.loads(key)["keys"]["1"] not in places.key.read_text()
    places.store.write_bytes(store)  # an old copy of the store and the new key do not go together
    refused(Vault(places).read, secrets.NO_KEY)


def test_a_rotation_goes_to_a_passphrase_to_another_and_back_to_a_key_file(places: Places) -> None:
    Vault(places).set(NAME, VALUE)
    Vault(places, passphrases=Passphrases("one", cost=10)).rotate()
    assert not places.key.exists()
    Vault(places, passphrases=Passphrases("one", "two", cost=10)).rotate()
    refused(Vault(places, passphrases=Passphrases("one")).read, secrets.WRONG_KEY)
    Vault(places, passphrases=Passphrases("two")).rotate(to_key_file=True)
    assert Vault(places).read() == {NAME: VALUE}


def test_where_there_is_a_keyring_it_has_the_values_and_the_file_only_names(places: Places) -> None:
    kept: DictKeyring = DictKeyring()

    def find() -> Keyring | None:
        return kept

    vault = Vault(places, find_keyring=find)
    vault.set(NAME, VALUE)
    vault.set("B", "b")
    assert (vault.kept_in(), vault.names(), vault.read()) == ("keyring", ("B", NAME), {NAME: VALUE, "B": "b"})
    assert VALUE not in places.store.read_text()
    assert not places.key.exists()
    refused(vault.rotate, secrets.NO_KEYRING)
    vault.remove("B")
    assert (vault.names(), list(kept.kept.values())) == ((NAME,), [VALUE])
    refused(Vault(places).read, secrets.NO_KEYRING)
    assert Vault(places).names() == (NAME,)


def test_a_store_in_a_file_stays_in_the_file_when_a_keyring_appears(places: Places) -> None:
    Vault(places).set(NAME, VALUE)
    kept = DictKeyring()
    Vault(places, find_keyring=lambda: kept).set("B", "b")
    assert (kept.kept, Vault(places).read()) == ({}, {NAME: VALUE, "B": "b"})


def test_what_a_killed_process_left_behind_is_swept_away(places: Places) -> None:
    Vault(places).set(NAME, VALUE)
    left = places.key.with_name(".secrets.key.99999999")
    left.write_text("half a key")
    Vault(places).rotate()
    assert [path.name for path in places.key.parent.iterdir()] == ["secrets.key"]


@pytest.fixture(autouse=True)
def _plain_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)
