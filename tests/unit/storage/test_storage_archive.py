"""Backups: what is written can be restored, and nothing else is taken for a backup."""

import hashlib
import io
import os
import struct
import tarfile
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from cherry.domain.errors import CherryError, ErrorKind, storage
from cherry.domain.events import Notice, SessionStarted
from cherry.kernel.ids import content_hash
from cherry.storage.archive.content import HEADER, Header, blob_member
from cherry.storage.archive.restoring import restore, restore_into
from cherry.storage.archive.saving import Saved, save
from cherry.storage.archive.tarball import TarWriter
from cherry.storage.ports import Draft
from cherry.storage.sqlite.connecting import connect
from cherry.storage.sqlite.store import SqliteStore

NOW = 1_770_000_000.0
HOLDER = "another-machine:17:boot.1"
TRUST = b'{"version": 1, "workspaces": {}}'


class Made(NamedTuple):
    folder: Path
    file: Path
    saved: Saved


async def fill(folder: Path, *, texts: int = 2) -> None:
    store = SqliteStore(folder)
    await store.log.create("s_1", SessionStarted(workspace="/w", title="A session"))
    lease = await store.log.acquire("s_1", HOLDER, seconds=30)
    name = await store.blobs.put(b"a content")
    await store.log.append(lease, [Draft(1, Notice(text=f"{number} {name}")) for number in range(texts)])
    await store.close()


def make(folder: Path, file: Path) -> Saved:
    return save(folder, file, small={"data/trust.json": TRUST}, cherry="1.2.3", now=NOW)


@pytest.fixture
async def made(tmp_path: Path) -> Made:
    folder, file = tmp_path / "data", tmp_path / "backup.tar.gz"
    await fill(folder)
    return Made(folder, file, make(folder, file))


def put_back(file: Path, folder: Path, *, replace: bool = False) -> None:
    restore(file, folder, targets={"data/trust.json": folder / "trust.json"}, replace=replace, now=NOW)


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(file: Path, tmp_path: Path, *kinds: ErrorKind) -> CherryError:
    """And nothing is left of the attempt, neither in a folder that is new nor where there are data."""
    there = tmp_path / "there"
    there.mkdir(exist_ok=True)
    (there / "trust.json").write_bytes(b"mine")
    for attempt in (
        lambda: put_back(file, there, replace=True),
        lambda: restore_into(file, tmp_path / "new"),
    ):
        with pytest.raises(CherryError) as caught:
            attempt()
        assert caught.value.kind in (kinds or (storage.BAD_ARCHIVE,)), caught.value
    assert {name: content for name, content in everything(there).items() if name != "upkeep.lock"} == {
        "trust.json": b"mine"
    }
    assert not (tmp_path / "new").exists()
    assert not list(tmp_path.glob(".cherry-*"))
    return caught.value


async def test_what_is_saved_can_be_restored(made: Made, tmp_path: Path) -> None:
    put_back(made.file, tmp_path / "other")

    here, there = SqliteStore(made.folder), SqliteStore(tmp_path / "other")
    assert [record async for record in there.log.read("s_1")] == [record async for record in here.log.read("s_1")]
    assert await there.blobs.get(content_hash(b"a content")) == b"a content"
    assert (await there.check()).findings == ()
    assert (tmp_path / "other" / "trust.json").read_bytes() == TRUST
    lease = await there.log.acquire("s_1", "a-third-machine:4:boot.9", seconds=30)  # nobody holds it any more
    assert lease.fence == 2
    for store in (here, there):
        await store.close()
    assert made.saved[1:] == (made.file.stat().st_size, 1, 3, 1, ())


async def test_any_tar_program_can_open_a_backup(made: Made) -> None:
    with tarfile.open(made.file, "r:gz") as archive:
        assert archive.getnames() == [
            "cherry-backup.json",
            "data/trust.json",
            "data/cherry.db",
            blob_member(content_hash(b"a content")),
            "index.json",
        ]
        assert all(member.isreg() and member.mode == 0o600 for member in archive)


async def test_a_backup_is_of_one_moment_while_others_write(made: Made, tmp_path: Path) -> None:
    store = SqliteStore(made.folder)
    lease = await store.log.acquire("s_1", HOLDER, seconds=30)
    with closing(connect(made.folder / "cherry.db", "rw")) as other:
        other.execute("BEGIN IMMEDIATE")  # a transaction that is under way is not in it, and does not hold it up
        other.execute("DELETE FROM events")
        saved = make(made.folder, tmp_path / "second.tar.gz")
        other.execute("ROLLBACK")
    await store.log.append(lease, [Draft(1, Notice(text="later"))])
    await store.close()

    assert saved.events == 3
    put_back(tmp_path / "second.tar.gz", tmp_path / "other")


async def test_contents_that_are_damaged_already_are_left_out_and_named(made: Made, tmp_path: Path) -> None:
    [blob] = (made.folder / "blobs").glob("*/*")
    blob.write_bytes(b"something else")
    (blob.parent / "tmp-0123").write_bytes(b"half")

    saved = make(made.folder, tmp_path / "second.tar.gz")

    assert (saved.blobs, saved.damaged_blobs) == (0, (content_hash(b"a content"),))
    put_back(tmp_path / "second.tar.gz", tmp_path / "other")


async def test_a_damaged_database_is_not_backed_up_as_if_it_were_sound(made: Made, tmp_path: Path) -> None:
    file = made.folder / "cherry.db"
    content = bytearray(file.read_bytes())
    content[4096:8192] = b"\xff" * 4096
    file.write_bytes(content)

    with pytest.raises(CherryError) as caught:
        make(made.folder, tmp_path / "second.tar.gz")

    assert caught.value.kind is storage.DAMAGED
    assert "--repair" in caught.value.next_step
    assert not (tmp_path / "second.tar.gz").exists()
    assert not list(tmp_path.glob(".cherry-*"))


async def test_every_changed_byte_is_noticed(made: Made, tmp_path: Path) -> None:
    content = made.file.read_bytes()
    flipped = tmp_path / "flipped.tar.gz"
    places = {*range(60), *range(60, len(content), 7), *range(len(content) - 60, len(content))}
    for place in sorted(places):
        flipped.write_bytes(content[:place] + bytes([content[place] ^ 1 << place % 8]) + content[place + 1 :])
        refused(flipped, tmp_path, storage.BAD_ARCHIVE, storage.NEWER_ARCHIVE, storage.NO_SPACE)


async def test_a_backup_that_was_cut_off_or_goes_on_is_refused(made: Made, tmp_path: Path) -> None:
    content = made.file.read_bytes()
    changed = tmp_path / "changed.tar.gz"
    for length in {0, 1, 15, 16, 17, 47, 48, 49, *range(0, len(content), 97), *range(len(content) - 20, len(content))}:
        changed.write_bytes(content[:length])
        refused(changed, tmp_path)
    for more in (b"\0", b"\0" * 600, b"x", content):
        changed.write_bytes(content + more)
        refused(changed, tmp_path)


def test_what_is_no_backup_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(os.urandom(5_000))
    refused(file, tmp_path)
    os.mkfifo(tmp_path / "pipe")
    refused(tmp_path, tmp_path, storage.IO)
    refused(tmp_path / "none", tmp_path, storage.IO)


# -- hostile archives: whole gzip files with right checksums, and anything in them

START = b"\x1f\x8b\x08\x04\x00\x00\x00\x00\x00\xff\x24\x00Ch\x20\x00"


def gzipped(tar: bytes) -> bytes:
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = deflate.compress(tar) + deflate.flush() + struct.pack("<II", zlib.crc32(tar), len(tar) & 0xFFFFFFFF)
    return START + hashlib.blake2b(body, digest_size=32).digest() + body


def entries(file: Path) -> list[tuple[tarfile.TarInfo, bytes]]:
    with tarfile.open(file, "r:gz") as archive:
        return [(member, archive.extractfile(member).read()) for member in archive]  # type: ignore[union-attr]


def tarred(members: list[tuple[tarfile.TarInfo, bytes]], *, form: int = tarfile.GNU_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for info, content in members:
            archive.addfile(info, io.BytesIO(content) if info.isreg() else None)
    whole = out.getvalue()
    return whole[: len(whole.rstrip(b"\0")) + -len(whole.rstrip(b"\0")) % 512] + bytes(
        1024
    )  # without tar's own filling


def member(
    name: str, content: bytes = b"", *, kind: bytes = tarfile.REGTYPE, link: str = ""
) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size, info.mode, info.mtime = kind, link, len(content), 0o600, int(NOW)
    return info, content


def claiming(name: str, size: int) -> bytes:
    info, _ = member(name)
    info.size = size
    return info.tobuf(tarfile.GNU_FORMAT, "ascii", "strict")


Members = list[tuple[tarfile.TarInfo, bytes]]
HOSTILE: dict[str, Callable[[Members], Members]] = {
    "a path out of the folder": lambda m: [m[0], member("../evil", b"x"), *m[1:]],
    "a path out of the folder, hidden": lambda m: [m[0], member("data/blobs/../../../evil", b"x"), *m[1:]],
    "an absolute path": lambda m: [m[0], member("/tmp/evil", b"x"), *m[1:]],
    "a symbolic link": lambda m: [m[0], member("data/blobs", kind=tarfile.SYMTYPE, link="/etc"), *m[1:]],
    "a link in the place of the database": lambda m: [
        m[0],
        member("data/cherry.db", kind=tarfile.SYMTYPE, link="/etc/passwd"),
        *m[1:2],
        *m[3:],
    ],
    "a hard link": lambda m: [m[0], member("data/trust.json", kind=tarfile.LNKTYPE, link="/etc/passwd"), *m[2:]],
    "a device": lambda m: [m[0], member("data/trust.json", kind=tarfile.CHRTYPE), *m[2:]],
    "a pipe": lambda m: [m[0], member("data/trust.json", kind=tarfile.FIFOTYPE), *m[2:]],
    "a folder": lambda m: [m[0], member("data", kind=tarfile.DIRTYPE), *m[1:]],
    "a sparse file": lambda m: [m[0], member("data/trust.json", kind=tarfile.GNUTYPE_SPARSE), *m[2:]],
    "a name that is too long": lambda m: [m[0], member("data/" + "x" * 300, b"x"), *m[1:]],
    "an unknown file": lambda m: [m[0], member("config/.env", b"KEY=1"), *m[1:]],
    "a file of another program": lambda m: [m[0], member("data/upkeep.lock", b"x"), *m[1:]],
    "a file twice": lambda m: [*m[:2], m[1], *m[2:]],
    "a content twice": lambda m: [*m[:-1], m[-2], m[-1]],
    "a content of another name": lambda m: [*m[:-1], member("data/blobs/ff/" + "f" * 30, b"x"), m[-1]],
    "a file more than the index knows": lambda m: [m[0], member("data/approvals.json", b"{}"), *m[1:]],
    "a file less than the index knows": lambda m: [m[0], *m[2:]],
    "no database": lambda m: [*m[:2], *m[3:]],
    "no contents": lambda m: [*m[:3], m[-1]],
    "no index": lambda m: m[:-1],
    "no header": lambda m: m[1:],
    "nothing": lambda m: [],
    "something behind the index": lambda m: [*m, m[1]],
    "another file's content": lambda m: [
        m[0],
        member("data/trust.json", b"{" + b" " * (len(TRUST) - 2) + b"}"),
        *m[2:],
    ],
    "a database that is none": lambda m: [*m[:2], member("data/cherry.db", b"x" * len(m[2][1])), *m[3:]],
    "a header that is none": lambda m: [member(HEADER, b"{"), *m[1:]],
    "a header without a number": lambda m: [member(HEADER, b'{"format": "one"}'), *m[1:]],
    "another mode": lambda m: [m[0], (set_mode(m[1][0], 0o4755), m[1][1]), *m[2:]],
}


def set_mode(info: tarfile.TarInfo, mode: int) -> tarfile.TarInfo:
    info.mode = mode
    return info


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
async def test_an_archive_made_to_do_harm_is_refused(
    made: Made, tmp_path: Path, hostile: Callable[[Members], Members]
) -> None:
    sound = entries(made.file)
    file = tmp_path / "hostile.tar.gz"
    file.write_bytes(gzipped(tarred(sound)))
    put_back(file, tmp_path / "sound")  # made the same way, but harmless

    file.write_bytes(gzipped(tarred(hostile(entries(made.file)))))

    refused(file, tmp_path)
    assert not list(tmp_path.rglob("evil"))


async def test_long_headers_are_not_even_read(made: Made, tmp_path: Path) -> None:
    """Formats in which a header can be of any size, and would be read into memory."""
    file = tmp_path / "hostile.tar.gz"
    sound = entries(made.file)
    sound[1][0].pax_headers = {"comment": "x" * 100_000}
    file.write_bytes(gzipped(tarred(sound, form=tarfile.PAX_FORMAT)))
    refused(file, tmp_path)


@pytest.mark.parametrize(
    "name", ["data/cherry.db", "data/trust.json", HEADER, "index.json", "data/blobs/ff/" + "f" * 30]
)
async def test_a_bomb_is_refused_before_it_goes_off(made: Made, tmp_path: Path, name: str) -> None:
    head = b"" if name == HEADER else claiming(HEADER, len(header := entries(made.file)[0][1])) + header
    head += bytes(-len(head) % 512)
    for size in (200 << 20, 1 << 40, 1 << 62):
        file = tmp_path / "bomb.tar.gz"
        file.write_bytes(gzipped(head + claiming(name, size) + bytes(50 << 20)))
        refused(file, tmp_path)


async def test_a_backup_that_claims_more_than_the_disk_has_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "huge.tar.gz"
    with file.open("wb") as stream:
        tar = TarWriter(stream, made_at=NOW)
        content = Header(format=1, cherry="1", made_at=NOW, bytes=1 << 60).model_dump_json().encode()
        tar.add(HEADER, len(content), [content])
        tar.close()

    assert "are free" in refused(file, tmp_path, storage.NO_SPACE).why


async def test_backups_and_databases_of_a_newer_cherry_are_told_from_damaged_ones(made: Made, tmp_path: Path) -> None:
    file = tmp_path / "newer.tar.gz"
    sound = entries(made.file)
    header = sound[0][1].replace(b'"format":1', b'"format":9')
    file.write_bytes(gzipped(tarred([member(HEADER, header), *sound[1:]])))
    assert "format is 9" in refused(file, tmp_path, storage.NEWER_ARCHIVE).why

    with closing(connect(made.folder / "cherry.db", "rw")) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(CherryError) as caught:
        make(made.folder, file.with_name("again.tar.gz"))
    assert caught.value.kind is storage.NEWER_DATABASE


async def test_a_restore_keeps_what_was_spent_here(made: Made, tmp_path: Path) -> None:
    with closing(connect(made.folder / "cherry.db", "rw")) as connection:
        connection.execute("INSERT INTO spending VALUES ('day', '2026-02-02', 500, 5), ('session', 's_1', 1, 1)")

    put_back(made.file, made.folder, replace=True)

    with closing(connect(made.folder / "cherry.db", "rw")) as connection:
        assert connection.execute("SELECT * FROM spending ORDER BY scope").fetchall() == [
            ("day", "2026-02-02", 500, 5),
            ("session", "s_1", 1, 1),
        ]
