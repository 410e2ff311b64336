"""The transport on real sockets: TLS, proxies, kept connections, and everything a network can do to a request."""

import asyncio
import base64
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from cherry.gateway.dial import Dialler, target
from cherry.gateway.http import HttpTransport
from cherry.gateway.settings import Deadlines
from cherry.gateway.transport import LazyTransport, Request, TransportError
from cherry.kernel.deadlines import DeadlineExceeded

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"
QUICK = Deadlines(connect=2, first_byte=2, between_bytes=2, total=5)


class Served(NamedTuple):
    port: int
    requests: list[bytes]
    """Heads, as they came."""
    connections: list[int]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def serving(*answers: bytes, tls: ssl.SSLContext | None = None, close: bool = False) -> AsyncIterator[Served]:
    """A server that gives these bytes in turn, the last for ever; with `close` it closes after each."""
    served = Served(0, [], [])
    left = list(answers)
    tasks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.connections.append(1)
        task = asyncio.current_task()
        assert task
        tasks.add(task)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                served.requests.append(head)
                if b"content-length: " in head:
                    await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
                writer.write(left.pop(0) if len(left) > 1 else left[0])
                await writer.drain()
                if close:
                    break
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # asyncio of Python 3.11 stumbles over handlers that end by cancellation
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
    try:
        yield served._replace(port=server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)


@pytest.fixture
async def transport() -> AsyncIterator[Callable[..., HttpTransport]]:
    made: list[HttpTransport] = []

    def make(**environ: str) -> HttpTransport:
        made.append(HttpTransport(environ))
        return made[-1]

    yield make
    for each in made:
        await each.close()


async def fetched(
    transport: HttpTransport | LazyTransport, url: str, deadlines: Deadlines = QUICK, body: bytes = b"x"
) -> bytes:
    async with transport.open(Request("POST", url, (("x-a", "1"),), body), deadlines) as response:
        chunks = []
        while chunk := await response.read():
            chunks.append(chunk)
        return b"".join(chunks)


async def failed(transport: HttpTransport, url: str, deadlines: Deadlines = QUICK) -> TransportError:
    with pytest.raises(TransportError) as caught:
        await fetched(transport, url, deadlines)
    return caught.value


async def test_a_request_is_sent_whole_and_the_connection_kept(transport: Callable[..., HttpTransport]) -> None:
    async with serving(OK) as served:
        client = transport()
        for _ in range(3):
            assert await fetched(client, served.url + "/v1/x?y=1") == b"hello"
        assert len(served.connections) == 1
        head = served.requests[0].decode()
        assert head.startswith("POST /v1/x?y=1 HTTP/1.1\r\n")
        assert f"host: 127.0.0.1:{served.port}\r\n" in head.lower()
        assert "x-a: 1" in head
        assert "accept-encoding: identity" in head


async def test_a_large_request_is_sent_whole(transport: Callable[..., HttpTransport]) -> None:
    async with serving(OK) as served:
        assert await fetched(transport(), served.url, body=b"x" * 5_000_000) == b"hello"


async def test_a_chunked_answer_and_one_that_ends_with_the_connection_are_read(
    transport: Callable[..., HttpTransport],
) -> None:
    chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"
    async with serving(chunked) as served:
        assert await fetched(transport(), served.url) == b"hello"
    async with serving(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhello", close=True) as served:
        client = transport()
        assert [await fetched(client, served.url) for _ in range(2)] == [b"hello"] * 2
        assert len(served.connections) == 2


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhello", "cut"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n", "cut"),
        (b"HTTP/1.1 200 OK\r\ncontent-le", "cut"),
        (b"", "connect"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "garbage"),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000, "garbage"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", "garbage"),
    ],
)
async def test_a_broken_answer_is_told_for_what_it_is(
    answer: bytes, failure: str, transport: Callable[..., HttpTransport]
) -> None:
    async with serving(answer, close=True) as served:
        assert (await failed(transport(), served.url)).failure == failure


async def test_what_is_left_of_an_answer_whose_end_was_known_does_not_spoil_the_connection(
    transport: Callable[..., HttpTransport],
) -> None:
    early = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    async with serving(early, OK) as served:
        client = transport()
        async with client.open(Request("GET", served.url), QUICK) as response:
            assert await response.read() == b"hello"
        assert await fetched(client, served.url) == b"hello"
        assert len(served.connections) == 1


async def test_an_answer_that_never_ends_costs_its_connection_and_nothing_else(
    transport: Callable[..., HttpTransport],
) -> None:
    endless = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n"
    async with serving(endless, OK) as served:
        client = transport()
        async with client.open(Request("GET", served.url), QUICK) as response:
            assert await response.read() == b"hello"
        assert await fetched(client, served.url) == b"hello"
        assert len(served.connections) == 2


async def test_a_connection_closed_while_it_was_kept_is_replaced(transport: Callable[..., HttpTransport]) -> None:
    async with serving(OK, close=True) as served:
        client = transport()
        for _ in range(3):
            assert await fetched(client, served.url) == b"hello"
        assert len(served.connections) == 3


async def test_the_connection_deadline_holds_where_nobody_answers(transport: Callable[..., HttpTransport]) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(DeadlineExceeded, match=r"model\.connect"):
        await fetched(transport(), f"https://127.0.0.1:{port}", QUICK.model_copy(update={"connect": 0.1}))
    with pytest.raises(DeadlineExceeded, match=r"model\.first_byte"):
        await fetched(transport(), f"http://127.0.0.1:{port}", QUICK.model_copy(update={"first_byte": 0.1}))
    server.close()
    await asyncio.sleep(0)


@pytest.mark.parametrize(
    "url", ["", "host/path", "ftp://host", "http://", "http://host:99999", "http://[::1", "http://host/a b"]
)
async def test_an_address_that_is_none_is_refused(url: str, transport: Callable[..., HttpTransport]) -> None:
    error = await failed(transport(), url.replace("host/a", "127.0.0.1:9/a"))
    assert error.failure in ("bad_url", "refused")


async def test_a_header_that_would_smuggle_another_is_refused(transport: Callable[..., HttpTransport]) -> None:
    async with serving(OK) as served:
        with pytest.raises(TransportError) as caught:
            async with transport().open(Request("GET", served.url, (("x-a", "1\r\nx-b: 2"),)), QUICK):
                pass
        assert caught.value.failure == "bad_url"
        assert served.requests == []


async def test_the_real_transport_is_loaded_with_the_first_call() -> None:
    async with serving(OK) as served:
        lazy = LazyTransport({})
        assert await fetched(lazy, served.url) == b"hello"
        await lazy.close()
    await LazyTransport({}).close()


async def test_a_client_survives_its_event_loop(transport: Callable[..., HttpTransport]) -> None:
    client = HttpTransport({})

    async def once() -> bytes:
        async with serving(OK) as served:
            got = await fetched(client, served.url)
            await client.close()
            return got

    assert [await asyncio.to_thread(asyncio.run, once()) for _ in range(2)] == [b"hello"] * 2


# --- proxies ---------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def proxy(*, refuse: str = "", password: str = "") -> AsyncIterator[Served]:
    """A proxy that tunnels CONNECT and forwards plain requests to the address in their request line."""
    served = Served(0, [], [])
    tasks: set[asyncio.Task[None]] = set()

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        tasks.add(task)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            served.requests.append(head)
            method, where, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
            if refuse or (password and base64.b64encode(password.encode()) not in head):
                writer.write(
                    f"HTTP/1.1 {refuse or '407 Proxy Authentication Required'}\r\ncontent-length: 0\r\n\r\n".encode()
                )
                return
            to = target(where if "://" in where else f"http://{where}")
            other_reader, other_writer = await asyncio.open_connection(to.host, to.port)
            if method == "CONNECT":
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                other_writer.write(head.replace(where.encode(), to.path.encode(), 1))
            try:
                await asyncio.gather(pipe(reader, other_writer), pipe(other_reader, writer))
            finally:
                other_writer.close()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # asyncio of Python 3.11 stumbles over handlers that end by cancellation
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield served._replace(port=server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)


async def test_a_plain_request_goes_through_the_proxy_with_its_whole_address(
    transport: Callable[..., HttpTransport],
) -> None:
    # `.invalid` exists nowhere: only the proxy could know it. Here the proxy itself is asked to refuse.
    async with proxy(refuse="418 Seen") as through:
        client = transport(http_proxy=f"http://user:p%40ss@127.0.0.1:{through.port}")
        async with client.open(Request("GET", "http://api.invalid/v1"), QUICK) as response:
            assert response.status == 418
        head = through.requests[0].decode()
        assert head.startswith("GET http://api.invalid/v1 HTTP/1.1\r\n")
        assert base64.b64encode(b"user:p@ss").decode() in head


@pytest.mark.parametrize(("status", "passing"), [("407 Proxy Authentication Required", False), ("503 Busy", True)])
async def test_a_proxy_that_says_no_is_told_without_its_password(
    status: str, passing: bool, transport: Callable[..., HttpTransport]
) -> None:
    async with proxy(refuse=status) as through:
        client = transport(https_proxy=f"http://user:secret@127.0.0.1:{through.port}")
        error = await failed(client, "https://api.invalid/v1")
        assert (error.failure, error.passing) == ("proxy", passing)
        assert status in error.words
        assert "secret" not in error.words


async def test_a_proxy_that_is_not_there_is_named(transport: Callable[..., HttpTransport]) -> None:
    async with proxy() as through:
        port = through.port
    error = await failed(transport(ALL_PROXY=f"http://127.0.0.1:{port}"), "https://api.invalid/v1")
    assert error.failure == "proxy"
    assert str(port) in error.words


@pytest.mark.parametrize("url", ["socks5://127.0.0.1:1", "http://", "http://host:x"])
async def test_a_proxy_of_a_kind_that_cannot_be_used_is_named(
    url: str, transport: Callable[..., HttpTransport]
) -> None:
    error = await failed(transport(https_proxy=url), "https://api.invalid/v1")
    assert (error.failure, error.passing) == ("proxy", False)


@pytest.mark.parametrize(
    ("no_proxy", "url", "proxied"),
    [
        ("", "https://api.example.com", True),
        ("", "http://localhost:8000", False),
        ("", "http://127.0.0.1:8000", False),
        ("", "http://[::1]:8000", False),
        ("*", "https://api.example.com", False),
        ("example.com", "https://api.example.com", False),
        (".example.com", "https://api.example.com", False),
        ("*.example.com", "https://api.example.com", False),
        ("example.com", "https://badexample.com", True),
        ("api.example.com:444", "https://api.example.com", True),
        ("api.example.com:443", "https://api.example.com", False),
        ("10.0.0.0/8, other", "http://10.1.2.3", False),
        ("10.0.0.0/8", "http://11.1.2.3", True),
    ],
)
def test_who_goes_through_the_proxy(no_proxy: str, url: str, proxied: bool) -> None:
    dialler = Dialler({"HTTPS_PROXY": "http://p:1", "HTTP_PROXY": "http://p:1", "NO_PROXY": no_proxy})
    assert (dialler._proxy(target(url)) is not None) == proxied


def test_a_proxy_set_by_a_request_header_of_a_cgi_server_is_not_believed() -> None:
    dialler = Dialler({"HTTP_PROXY": "http://evil:1", "REQUEST_METHOD": "GET"})
    assert dialler._proxy(target("http://api.example.com")) is None


# --- TLS -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for localhost and 127.0.0.1, with its key in the same file."""
    folder = tmp_path_factory.mktemp("tls")
    key, made = folder / "key.pem", folder / "made.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
    ]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    try:
        subprocess.run([*command, "-keyout", str(key), "-out", str(made)], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no openssl to make a certificate with")
    both = folder / "both.pem"
    both.write_bytes(key.read_bytes() + made.read_bytes())
    return both


def server_side(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


async def test_tls_works_with_the_certificates_the_environment_names(
    certificate: Path, transport: Callable[..., HttpTransport]
) -> None:
    async with serving(OK, tls=server_side(certificate)) as served:
        client = transport(SSL_CERT_FILE=str(certificate))
        for _ in range(2):
            assert await fetched(client, f"https://localhost:{served.port}/v1") == b"hello"
        assert len(served.connections) == 1


async def test_a_certificate_nobody_vouches_for_is_refused(
    certificate: Path, transport: Callable[..., HttpTransport]
) -> None:
    async with serving(OK, tls=server_side(certificate)) as served:
        error = await failed(transport(), f"https://localhost:{served.port}/v1")
        assert (error.failure, error.passing) == ("tls", False)
        assert "self-signed" in error.words or "self signed" in error.words
        assert served.requests == []


async def test_tls_inside_a_proxys_tunnel_works(certificate: Path, transport: Callable[..., HttpTransport]) -> None:
    async with serving(OK, tls=server_side(certificate)) as served, proxy(password="u:p") as through:
        environ = {"SSL_CERT_FILE": str(certificate), "https_proxy": f"http://u:p@127.0.0.1:{through.port}"}
        dialler = Dialler(environ)
        to = target(f"https://127.0.0.1:{served.port}/v1")
        proxy_url = dialler._proxy(target("https://elsewhere.test"))
        assert proxy_url
        connection = await dialler._through(proxy_url, to)
        connection.writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        assert (await connection.reader.readline()).startswith(b"HTTP/1.1 200")
        connection.writer.close()
        await connection.writer.wait_closed()
        assert through.requests[0].startswith(f"CONNECT 127.0.0.1:{served.port} ".encode())


async def test_speaking_tls_to_a_server_that_does_not_is_told(transport: Callable[..., HttpTransport]) -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(plain, "127.0.0.1", 0)
    error = await failed(transport(), f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    assert error.failure == "tls"
    assert "wrong version number" in error.words
    server.close()
    await asyncio.sleep(0)


async def test_a_certificate_file_that_is_missing_is_named(
    transport: Callable[..., HttpTransport], tmp_path: Path
) -> None:
    error = await failed(transport(SSL_CERT_FILE=str(tmp_path / "none.pem")), "https://127.0.0.1:9/v1")
    assert error.failure == "tls"
    assert "none.pem" in error.words
