"""With hosts granted, a command reaches these and nothing else: real sandboxes, real sockets, names and addresses made up."""

import asyncio
import os
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from cherry.domain.calls import Status
from cherry.domain.errors import CherryError, sandbox
from cherry.sandbox.bubblewrap import BubblewrapSandbox
from cherry.sandbox.egress.proxy import MAX_CONNECTIONS, EgressProxy
from cherry.sandbox.landlock import LandlockSandbox, landlock_version
from cherry.sandbox.port import Command, Process
from cherry.security.egress import Grant, grants_of
from cherry.testing.calls import tools_on

PYTHON = os.path.realpath(sys.executable)
GOOD, OTHER = "93.184.216.34", "151.101.1.69"
NAMES = {
    "good.example": [GOOD],
    "other.example": [OTHER],
    "inside.example": ["10.0.0.7"],
    "loop.example": ["127.0.0.1"],
    "mapped.example": ["::ffff:127.0.0.1"],
    "cloud.example": ["169.254.169.254"],
    "mixed.example": ["127.0.0.1", GOOD],
}


class Outside:
    """The world beyond: a server that writes down each connection's address and first words, and answers `HTTP/1.1 200`."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, int, bytes]] = []
        self.rebinding: list[list[str]] = []
        """What `rebound.example` resolves to, time after time."""
        self.asked: list[str] = []
        self._server: asyncio.Server | None = None
        self._now = ("", 0)

    async def __aenter__(self) -> "Outside":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()

    def open_proxy(self, grants: Sequence[Grant]) -> EgressProxy:
        return EgressProxy(grants, resolve=self.resolve, connect=self.connect)

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        if host == "rebound.example":
            return self.rebinding.pop(0)
        if host not in NAMES:
            raise OSError("no such host")
        return NAMES[host]

    async def connect(self, address: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        assert self._server is not None
        self._now = (address, port)
        return await asyncio.open_connection("127.0.0.1", self._server.sockets[0].getsockname()[1])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        address, port = self._now
        said = await reader.read(1 << 16)
        self.heard.append((address, port, said))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\nConnection: close\r\n\r\nreached\n")
        await writer.drain()
        writer.close()


class Place(NamedTuple):
    outside: Outside
    sandbox: BubblewrapSandbox
    workspace: Path

    async def start(self, script: str, *hosts: str, private: bool = False) -> Process:
        network = grants_of(hosts, private=private)
        environment = {"PY": PYTHON}
        command = Command(script, self.workspace, self.workspace, environment=environment, network=network)
        return await self.sandbox.start(command)

    async def run(self, script: str, *hosts: str, private: bool = False) -> tuple[str, tuple[str, ...]]:
        process = await self.start(script, *hosts, private=private)
        output = b"".join([piece async for piece in process.output()])
        await process.wait()
        return output.decode(), process.refused


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    program = shutil.which("bwrap")
    assert program, "these tests need bubblewrap"
    assert shutil.which("curl"), "these tests need curl"
    (tmp_path / "work").mkdir()
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    async with Outside() as outside:
        made = BubblewrapSandbox(
            program, environ, readable=(Path(sys.base_prefix),), open_proxy=lambda grants: outside.open_proxy(grants)
        )
        yield Place(outside, made, tmp_path / "work")


async def test_a_granted_host_is_reached_over_http_and_through_a_tunnel(place: Place) -> None:
    output, refused = await place.run(
        "curl -sS http://good.example/a?b=c; curl -sS -p http://good.example:443/tunnel", "good.example"
    )
    assert (output, refused) == ("reached\nreached\n", ())
    plain, tunnel = place.outside.heard
    assert plain[:2] == (GOOD, 80)
    assert plain[2].startswith(b"GET /a?b=c HTTP/1.1\r\nHost: good.example\r\n")
    assert tunnel[:2] == (GOOD, 443)


async def test_a_body_is_passed_on_whole(place: Place) -> None:
    await place.run("printf '%070000d' 7 > big; curl -sS --data-binary @big http://good.example/", "good.example")
    [(_, _, said)] = place.outside.heard
    assert b"content-length: 70000" in said.lower()


@pytest.mark.parametrize(
    ("script", "refusal"),
    [
        ("curl -sS http://other.example/", "other.example:80 (not granted)"),
        ("curl -sS http://good.example:8080/", "good.example:8080 (not granted)"),
        ("curl -sS http://93.184.216.34/", "93.184.216.34:80 (not granted)"),
        ("curl -sS http://inside.example/", "10.0.0.7: it is an address of a private network"),
        ("curl -sS http://loop.example/", "127.0.0.1: it is this machine"),
        ("curl -sS http://mapped.example/", "it is this machine"),
        ("curl -sS http://cloud.example/", "metadata service"),
        ("curl -sS http://169.254.169.254/latest/meta-data/", "not granted"),
        ("curl -sS -p http://other.example:443/", "other.example:443 (not granted)"),
        ("curl -sS http://GOOD.example.evil.example/", "not granted"),
    ],
)
async def test_whatever_else_is_asked_for_is_refused_and_remembered(place: Place, script: str, refusal: str) -> None:
    hosts = ("good.example", "inside.example", "loop.example", "mapped.example", "cloud.example")
    _, refused = await place.run(script, *hosts)
    assert refusal in refused[0]
    assert place.outside.heard == []


NOT_HTTP = [
    "exec 3<>/dev/tcp/93.184.216.34/80 && echo OUT",
    "exec 3<>/dev/tcp/127.0.0.1/22 && echo OUT",
    "curl -s -m 2 --noproxy '*' http://good.example/",
    "curl -s -m 2 --noproxy '*' http://93.184.216.34/",
    """"$PY" -c "import socket; socket.getaddrinfo('good.example', 80); print('OUT')" """,
    """"$PY" -c "
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.sendto(b'x', ('8.8.8.8', 53)); print('OUT')" """,
    """"$PY" -c "
import socket
s = socket.socket(socket.AF_INET6); s.settimeout(2); s.connect(('2606:4700::1111', 443)); print('OUT')" """,
    """"$PY" -c "import socket; socket.socket(socket.AF_INET, socket.SOCK_RAW, 1); print('OUT')" """,
    """"$PY" -c "import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW); print('OUT')" """,
    "ip link add x type dummy && echo OUT; ip addr add 10.1.1.1/8 dev lo && echo OUT",
    "unshare -Urn true && echo OUT",
]


@pytest.mark.parametrize("script", NOT_HTTP)
async def test_there_is_no_way_around_the_proxy(place: Place, script: str) -> None:
    proof = (
        """ "$PY" -c 'import socket; print("ran")' """  # so that it is not for want of a Python that nothing comes out
    )
    output, _ = await place.run(f"{proof}; {{ {script}\n}} 2>/dev/null; echo end", "good.example", "*")
    assert output == "ran\nend\n"
    assert place.outside.heard == []


TALK = """"$PY" - <<'END'
import socket
s = socket.create_connection(("127.0.0.1", 3128), 5)
s.sendall({words!r})
s.settimeout(5)
said = b""
try:
    while piece := s.recv(4096):
        said += piece
except OSError:
    pass
print(said.decode("latin-1"))
END"""


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (b"GET / HTTP/1.1\r\nHost: good.example\r\n\r\n", "400"),
        (b"GET http://good.example@other.example/ HTTP/1.1\r\nHost: good.example\r\n\r\n", "400"),
        (b"GET ftp://good.example/ HTTP/1.1\r\nHost: good.example\r\n\r\n", "400"),
        (b"CONNECT good.example HTTP/1.1\r\nHost: good.example\r\n\r\n", "400"),
        (b"CONNECT good.example:99999 HTTP/1.1\r\nHost: good.example\r\n\r\n", "400"),
        (b"CONNECT 2130706433:80 HTTP/1.1\r\nHost: x\r\n\r\n", "400"),
        (b"CONNECT 0x7f.1:80 HTTP/1.1\r\nHost: x\r\n\r\n", "400"),
        (b"CONNECT other.example:443 HTTP/1.1\r\nHost: good.example\r\n\r\n", "403"),
        (b"GET http://other.example/ HTTP/1.1\r\nHost: good.example\r\n\r\n", "403"),
        (b"GET http://good.example/" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: good.example\r\n\r\n", "400"),
        (b"\x16\x03\x01 this is no http\r\n\r\n", "400"),
    ],
)
async def test_requests_that_say_two_things_or_nothing_are_refused(place: Place, words: bytes, answer: str) -> None:
    output, _ = await place.run(TALK.format(words=words), "good.example")
    assert output.startswith(f"HTTP/1.1 {answer}")
    assert place.outside.heard == []


async def test_the_host_is_the_one_of_the_address_and_nothing_rides_along(place: Place) -> None:
    """A second request behind the first, and a header for another host, would be taken up by a server that serves several."""
    words = (
        b"POST http://good.example/first HTTP/1.1\r\nHost: other.example\r\nContent-Length: 3\r\n"
        b"Connection: keep-alive, x-secret\r\nProxy-Authorization: Basic eDp5\r\n\r\nabc"
        b"GET http://other.example/second HTTP/1.1\r\nHost: other.example\r\n\r\n"
    )
    output, _ = await place.run(TALK.format(words=words), "good.example")
    assert "reached" in output
    [(address, _, said)] = place.outside.heard
    assert address == GOOD
    assert b"other.example" not in said
    assert b"second" not in said
    assert b"roxy-" not in said
    assert said.count(b"HTTP/1.1") == 1


async def test_a_name_is_resolved_once_and_the_address_that_was_looked_at_is_used(place: Place) -> None:
    place.outside.rebinding = [[GOOD], ["127.0.0.1"], ["127.0.0.1"]]
    first, _ = await place.run("curl -sS http://rebound.example/", "rebound.example")
    assert first == "reached\n"
    assert place.outside.asked == ["rebound.example"]
    assert [heard[0] for heard in place.outside.heard] == [GOOD]
    _, refused = await place.run("curl -sS http://rebound.example/", "rebound.example")
    assert "this machine" in refused[0]


async def test_of_several_addresses_only_the_public_ones_are_used(place: Place) -> None:
    output, _ = await place.run("curl -sS http://mixed.example/", "mixed.example")
    assert output == "reached\n"
    assert [heard[0] for heard in place.outside.heard] == [GOOD]


async def test_a_private_host_is_reached_only_when_the_users_settings_name_it_with_its_port(place: Place) -> None:
    _, refused = await place.run("curl -sS http://inside.example:8000/", "inside.example:8000")
    assert refused
    output, _ = await place.run("curl -sS http://inside.example:8000/", "inside.example:8000", private=True)
    assert output == "reached\n"
    _, refused = await place.run("curl -sS http://cloud.example:80/", "cloud.example:80", private=True)
    assert "metadata" in refused[0]


async def test_commands_without_a_grant_have_no_proxy_not_even_that_of_another_one(place: Place) -> None:
    granted = await place.start("sleep 30", "good.example")
    try:
        output, _ = await place.run("env | grep -ic proxy; exec 3<>/dev/tcp/127.0.0.1/3128 && echo OUT")
        assert output.startswith("0\n")
        assert "OUT" not in output
    finally:
        await granted.kill(at_once=True)


def open_handles() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def test_the_way_out_ends_with_the_command(place: Place) -> None:
    process = await place.start("curl -sS -o /dev/null http://good.example/; echo done; sleep 30", "good.example")
    async for piece in process.output():
        if b"done" in piece:
            break
    await process.kill(at_once=True)
    before = open_handles()
    for _ in range(5):
        await place.run("true", "good.example")
    assert open_handles() <= before


async def test_more_connections_than_allowed_are_turned_away() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        proxy = EgressProxy(grants_of(["good.example"]))
        await proxy.serve(listening.dup())
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(MAX_CONNECTIONS)]
        async with asyncio.timeout(20):
            while True:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                try:
                    async with asyncio.timeout(0.5):
                        answer = await reader.read(100)
                except TimeoutError:
                    held.append((reader, writer))
                    continue
                writer.close()
                break
        assert answer.startswith(b"HTTP/1.1 503")
        proxy.close()
        for _, writer in held:
            writer.close()


async def test_tls_through_the_tunnel_is_between_the_command_and_the_host(place: Place, tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", place.workspace / "certificate.pem"
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=good.example"]
    names = ["-addext", "subjectAltName=DNS:good.example", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*words, *names], check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\nsecret\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)

    async def connect(_address: str, _port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", server.sockets[0].getsockname()[1])

    place.outside.connect = connect  # type: ignore[method-assign]
    output, _ = await place.run("curl -sS --cacert certificate.pem https://good.example/", "good.example")
    server.close()
    assert output == "secret\n"


async def test_the_model_is_told_what_was_refused_and_what_it_can_ask_for(place: Place, tmp_path: Path) -> None:
    (tmp_path / "ws").mkdir()
    async with tools_on(tmp_path / "ws", sandbox=place.sandbox, network=grants_of(["good.example"])) as bench:
        told = await bench.run("shell.run", command="curl -s http://other.example/; true")
        assert "(Network refused: other.example:80 (not granted). Name what it must reach in hosts" in told.text
        asked = await bench.run("shell.run", command="curl -s http://other.example/", hosts=["other.example"])
        assert "reached" in asked.text
        assert [str(grant) for grant in bench.intents[-1].asked] == ["other.example"]
        granted = await bench.run("shell.run", command="curl -s http://good.example/", hosts=["good.example"])
        assert granted.status is Status.SUCCESS
        assert bench.intents[-1].asked == ()
        wrong = await bench.run("shell.run", command="true", hosts=["http://x.org/y"])
        assert wrong.fault is not None
        assert wrong.fault.code == "tools.bad_arguments"
        assert "example.org" in wrong.text


async def test_hosts_a_model_asks_for_are_never_private(place: Place, tmp_path: Path) -> None:
    (tmp_path / "ws").mkdir()
    async with tools_on(tmp_path / "ws", sandbox=place.sandbox) as bench:
        told = await bench.run("shell.run", command="curl -s http://10.0.0.7:80/", hosts=["10.0.0.7:80"])
        assert "it is an address of a private network" in told.text
    assert place.outside.heard == []


@pytest.mark.skipif(landlock_version() < 3, reason="this kernel has no landlock")
async def test_the_second_rung_does_not_pretend_to_tell_hosts_apart(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    second = LandlockSandbox({"PATH": os.environ["PATH"]}, readable=(Path(sys.base_prefix),))
    command = Command("true", tmp_path / "work", tmp_path / "work", network=grants_of(["pypi.org"]))
    with pytest.raises(CherryError) as caught:
        await second.start(command)
    assert caught.value.kind is sandbox.NO_PARTIAL_NETWORK
