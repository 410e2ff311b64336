"""Large contents by hash: what every store keeps to."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cherry.domain.errors import CherryError, storage
from cherry.kernel.ids import content_hash
from cherry.storage.memory import MemoryStore
from cherry.storage.ports import Store
from cherry.storage.sqlite.store import SqliteStore


@pytest.fixture(params=["memory", "files"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    made = MemoryStore() if request.param == "memory" else SqliteStore(tmp_path / "data")
    yield made
    await made.close()


@pytest.mark.parametrize("data", [b"", b"\x00\xff", b"line\n" * 100_000])
async def test_a_content_comes_back_by_its_hash(store: Store, data: bytes) -> None:
    name = await store.blobs.put(data)

    assert name == content_hash(data)
    assert await store.blobs.get(name) == data


async def test_the_same_content_has_one_name(store: Store) -> None:
    assert await store.blobs.put(b"same") == await store.blobs.put(b"same")


@pytest.mark.parametrize(
    "name", ["", "b2:", "b2:" + "0" * 32, "../../etc/passwd", "b2:" + "../" * 11, "\x00", "\udce9"]
)
async def test_a_name_of_nothing_is_unknown(store: Store, name: str) -> None:
    with pytest.raises(CherryError) as caught:
        await store.blobs.get(name)

    assert caught.value.kind is storage.UNKNOWN_BLOB
    assert store.blobs.path(name) is None


async def test_where_a_content_lies_as_a_file_it_can_be_read_there(store: Store) -> None:
    name = await store.blobs.put(b"whole output")

    path = store.blobs.path(name)

    assert path is None or path.read_bytes() == b"whole output"
