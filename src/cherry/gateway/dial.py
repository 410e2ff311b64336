"""Opening connections: addresses, proxies from the environment, TLS. What is said on them is `http`'s business.

Every failure leaves as a TransportError in the system's own words. Deadlines are the caller's.
"""

import asyncio
import base64
import errno
import ipaddress
import os
import socket
import ssl
from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

from cherry.gateway.transport import TransportError

_STREAM_LIMIT: Final = 1 << 16
_PROXY_HEAD_LIMIT: Final = 1 << 16
_CERTIFICATE_BUNDLES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
"""Where systems keep them when Python was built to look elsewhere."""


class Target(NamedTuple):
    """What a URL says about where to connect."""

    secure: bool
    host: str
    port: int
    path: str
    """With the query; what goes into the request line."""

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"


class Connection(NamedTuple):
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    proxied: bool = False
    """A plain request through a proxy: the request line then carries the whole URL."""
    proxy_headers: tuple[tuple[str, str], ...] = ()


def target(url: str) -> Target:
    """Raises TransportError(`bad_url`)."""
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname
        if parts.scheme not in ("http", "https") or not host:
            raise ValueError("it must begin with http:// or https:// and name a host")
        host = host.encode("idna").decode() if not host.isascii() else host
    except (ValueError, UnicodeError) as error:
        raise TransportError("bad_url", f"{url}: {error}", passing=False) from None
    secure = parts.scheme == "https"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(secure, host, port or (443 if secure else 80), path)


class Dialler:
    """Connects, through a proxy where the environment names one. Makes the TLS context once, when first needed."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._context: ssl.SSLContext | None = None

    async def connect(self, to: Target) -> Connection:
        """Raises TransportError."""
        proxy = self._proxy(to)
        if proxy is None:
            return Connection(*await self._open(to.host, to.port, to.host if to.secure else None))
        try:
            return await self._through(proxy, to)
        except TransportError as error:
            if error.failure in ("proxy", "tls"):
                raise
            raise TransportError("proxy", f"{_shown(proxy)}: {error.words}", passing=error.passing) from None

    async def _through(self, proxy: SplitResult, to: Target) -> Connection:
        if proxy.scheme not in ("http", "https"):
            why = f"{_shown(proxy)}: only http and https proxies are supported"
            raise TransportError("proxy", why, passing=False)
        secure = proxy.scheme == "https"
        host = proxy.hostname or ""
        reader, writer = await self._open(host, proxy.port or (443 if secure else 80), host if secure else None)
        credentials = _credentials(proxy)
        if not to.secure:
            return Connection(reader, writer, proxied=True, proxy_headers=credentials)
        try:
            await _tunnel(reader, writer, to, credentials, proxy)
            await _secured(writer, self._tls(), to.host)
        except BaseException:
            writer.transport.abort()
            raise
        return Connection(reader, writer)

    async def _open(
        self, host: str, port: int, server_name: str | None
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            return await asyncio.open_connection(
                host,
                port,
                limit=_STREAM_LIMIT,
                ssl=self._tls() if server_name else None,
                server_hostname=server_name,
                happy_eyeballs_delay=None if _is_address(host) else 0.25,
            )
        except OSError as error:
            raise _connect_failure(error, host, port) from None

    def _tls(self) -> ssl.SSLContext:
        if self._context is None:
            self._context = _tls_context(self._environ)
        return self._context

    def _proxy(self, to: Target) -> SplitResult | None:
        if _is_local(to.host) or self._bypassed(to):
            return None
        for name in ("https_proxy" if to.secure else "http_proxy", "all_proxy"):
            value = self._environ.get(name) or self._environ.get(name.upper())
            # A CGI server sets HTTP_PROXY from a request header (CVE-2016-5385): there only the lower-case one counts.
            if name == "http_proxy" and "REQUEST_METHOD" in self._environ:
                value = self._environ.get(name)
            if value:
                return _proxy_url(value)
        return None

    def _bypassed(self, to: Target) -> bool:
        listed = self._environ.get("no_proxy") or self._environ.get("NO_PROXY") or ""
        return any(_covers(entry.strip().lower(), to) for entry in listed.split(",") if entry.strip())


def _proxy_url(value: str) -> SplitResult:
    try:
        parts = urlsplit(value if "://" in value else f"http://{value}")
        if not parts.hostname or parts.port == 0:
            raise ValueError("it names no host")
    except ValueError as error:
        raise TransportError(
            "proxy", f"the proxy URL in the environment cannot be read: {error}", passing=False
        ) from None
    return parts


def _covers(entry: str, to: Target) -> bool:
    """Whether one entry of NO_PROXY covers a host: `*`, a domain with its subdomains, host:port, an address or a network."""
    if entry == "*":
        return True
    host = to.host.lower()
    if "/" in entry:
        return _in_network(host, entry)
    name, colon, port = entry.rpartition(":")
    if colon and port.isdigit() and ":" not in name:
        if int(port) != to.port:
            return False
        entry = name
    entry = entry.strip("[]").removeprefix("*").lstrip(".")
    return host == entry or host.endswith("." + entry)


def _in_network(host: str, network: str) -> bool:
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_local(host: str) -> bool:
    """This machine itself: never through a proxy."""
    return (
        host == "localhost"
        or host.endswith(".localhost")
        or (_is_address(host) and ipaddress.ip_address(host).is_loopback)
    )


def _credentials(proxy: SplitResult) -> tuple[tuple[str, str], ...]:
    if not proxy.username:
        return ()
    pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return (("proxy-authorization", "Basic " + base64.b64encode(pair.encode()).decode()),)


async def _tunnel(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    to: Target,
    credentials: tuple[tuple[str, str], ...],
    proxy: SplitResult,
) -> None:
    """CONNECT. Raises TransportError(`proxy`) when the proxy says no."""
    host = f"[{to.host}]:{to.port}" if ":" in to.host else f"{to.host}:{to.port}"
    lines = [f"CONNECT {host} HTTP/1.1", f"host: {host}", *(f"{name}: {value}" for name, value in credentials)]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError) as error:
        raise TransportError("proxy", f"{_shown(proxy)} gave no proper answer: {error}") from None
    status_line = head.split(b"\r\n", 1)[0].decode("latin-1")
    code = status_line.split(" ")[1:2]
    if not code or not code[0].startswith("2"):
        # 407 and 403 will not change by themselves; a gateway error may.
        passing = bool(code) and code[0].startswith("5")
        raise TransportError("proxy", f"{_shown(proxy)} answered {status_line}", passing=passing)


async def _secured(writer: asyncio.StreamWriter, context: ssl.SSLContext, host: str) -> None:
    """TLS inside a tunnel."""
    try:
        await writer.start_tls(context, server_hostname=host)
    except ssl.SSLError as error:
        raise TransportError("tls", _tls_words(error), passing=False) from None
    except OSError as error:
        raise TransportError("connect", _os_words(error)) from None


def _tls_context(environ: Mapping[str, str]) -> ssl.SSLContext:
    """The system's certificates, or those of SSL_CERT_FILE and SSL_CERT_DIR."""
    file, folder = environ.get("SSL_CERT_FILE"), environ.get("SSL_CERT_DIR")
    try:
        if file or folder:
            return ssl.create_default_context(cafile=file or None, capath=folder or None)
        context = ssl.create_default_context()
        defaults = ssl.get_default_verify_paths()
        if not defaults.cafile and not defaults.capath and not context.cert_store_stats()["x509_ca"]:
            for bundle in filter(os.path.exists, _CERTIFICATE_BUNDLES):
                context.load_verify_locations(cafile=bundle)
                break
    except OSError as error:  # ssl.SSLError is one
        why = f"the certificates of SSL_CERT_FILE or SSL_CERT_DIR cannot be read ({file or folder}): {_os_words(error)}"
        raise TransportError("tls", why, passing=False) from None
    return context


def _connect_failure(error: OSError, host: str, port: int) -> TransportError:
    if isinstance(error, ssl.SSLError):
        return TransportError("tls", _tls_words(error), passing=False)
    if isinstance(error, socket.gaierror):
        # EAI_AGAIN: the name server did not answer; the others say that there is no such name.
        return TransportError("dns", f"{host}: {error.strerror}", passing=error.errno == socket.EAI_AGAIN)
    refused = isinstance(error, ConnectionRefusedError) or str(error).count("Connect call failed") > 0
    if refused and (error.errno in (None, errno.ECONNREFUSED)):
        # A server that is not started on this machine will not be a second later either.
        return TransportError("refused", f"connection refused by {host} port {port}", passing=not _is_local(host))
    return TransportError("connect", _os_words(error))


def _tls_words(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    return (error.reason or str(error)).replace("_", " ").lower()


def _os_words(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__


def _shown(proxy: SplitResult) -> str:
    """A proxy's URL without its credentials."""
    return f"{proxy.scheme}://{proxy.hostname}" + (f":{proxy.port}" if proxy.port else "")
