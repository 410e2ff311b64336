"""Which hosts may be reached: grants by name and port, and addresses that are nobody's business. Pure: resolves nothing.

A name is granted, never an address it happens to have; what it resolves to must be public all the same (server-side request forgery,
DNS rebinding). Address blocks: IANA's special-purpose registries (RFC 6890), transition mechanisms that carry an IPv4 address inside
(RFC 3056, 4380, 6052), and the metadata services of cloud providers.
"""

import ipaddress
import re
from collections.abc import Sequence
from typing import NamedTuple

from cherry.kernel.text import one_line, visible

USUAL_PORTS = frozenset({80, 443})
ANY_PORT = 0
MAX_HOST = 253
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMERIC = re.compile(r"(0x[0-9a-f]*|[0-9]+)", re.IGNORECASE)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_METADATA = frozenset(
    ipaddress.ip_address(text)
    for text in ("169.254.169.254", "169.254.170.2", "168.63.129.16", "100.100.100.200", "192.0.0.192", "fd00:ec2::254")
)
_EMBEDDING = (
    (ipaddress.ip_network("64:ff9b::/96"), 0),  # NAT64, RFC 6052
    (ipaddress.ip_network("2002::/16"), 80),  # 6to4, RFC 3056
    (ipaddress.ip_network("::/96"), 0),  # IPv4-compatible, RFC 4291
)
"""Networks whose addresses hold an IPv4 address, and how many bits stand behind it."""
_NEVER_PUBLIC = (
    ipaddress.ip_network("64:ff9b:1::/48"),
    ipaddress.ip_network("2001::/32"),  # Teredo: leads through whoever runs it
    ipaddress.ip_network("fec0::/10"),
    ipaddress.ip_network("192.88.99.0/24"),
)


class Grant(NamedTuple):
    """One granted host. Its text form is `host`, `*.host`, `*`, each with `:port` or `:*` behind it."""

    host: str
    """Normal form; `*` for every host, `*.example.org` for every name below."""
    ports: frozenset[int] = USUAL_PORTS
    """Empty: every port."""
    private: bool = False
    """Also where its addresses are not public: only for one exact host and port that the user's own settings name."""

    def __str__(self) -> str:
        if self.ports == USUAL_PORTS:
            return self.host
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{','.join(map(str, sorted(self.ports))) or '*'}"

    @property
    def exact(self) -> bool:
        return "*" not in self.host and len(self.ports) == 1

    def includes(self, other: "Grant") -> bool:
        """Whether everything the other grants is granted by this one."""
        ports = not self.ports or (bool(other.ports) and other.ports <= self.ports)
        if self.host == "*" or self.host == other.host:
            return ports
        return ports and self.host.startswith("*.") and other.host.endswith(self.host[1:])

    def covers(self, host: str, port: int) -> bool:
        """`host` in normal form."""
        if self.ports and port not in self.ports:
            return False
        if self.host == "*":
            return True
        return host.endswith(self.host[1:]) if self.host.startswith("*.") else host == self.host


def parse_grant(text: str, *, private: bool = False) -> Grant:
    """`private`: an exact host and port may lie in a private network. Raises ValueError saying what is wrong."""
    host, port = split_port(text.strip())
    if host == "*":
        return Grant("*", _ports(port))
    wild, name = ("*.", host[2:]) if host.startswith("*.") else ("", host)
    normal = normal_host(name)
    if not normal or "*" in name or (wild and (as_address(normal) or "." not in normal)):
        raise ValueError(f"{_shown(text)} is no host: write `example.org`, `*.example.org` or `example.org:8443`")
    grant = Grant(wild + normal, _ports(port))
    return grant._replace(private=private and grant.exact and bool(port))


ANYWHERE = Grant("*")
"""Every public host, on the usual ports."""


def anywhere(grants: Sequence[Grant]) -> bool:
    """Whether they name no hosts: then it may be any."""
    return any(grant.host == "*" for grant in grants)


def grants_text(grants: Sequence[Grant]) -> str:
    """For people: `pypi.org, *.example.org:8443`; `any public host`."""
    return ", ".join("any public host" if grant.host == "*" else str(grant) for grant in grants)


def grants_of(texts: Sequence[str], *, private: bool = False) -> tuple[Grant, ...]:
    """Raises ValueError."""
    return tuple(parse_grant(text, private=private) for text in texts)


def granting(grants: Sequence[Grant], host: str, port: int) -> Grant | None:
    """The grant that lets this host (in normal form) be asked for; the one for private networks first."""
    fitting = [grant for grant in grants if grant.covers(host, port)]
    return next((grant for grant in fitting if grant.private), fitting[0] if fitting else None)


def split_port(text: str) -> tuple[str, str]:
    """`host:port` and `[v6]:port` apart; the port is empty where there is none."""
    if text.startswith("["):
        host, closed, rest = text[1:].partition("]")
        whole = bool(closed) and (not rest or rest.startswith(":"))
        return (host, rest.removeprefix(":")) if whole else (text, "")
    host, colon, port = text.rpartition(":")
    if not colon or ":" in host:  # a bare IPv6 address
        return text, ""
    return host, port


def normal_host(text: str) -> str:
    """Lower case, ASCII (IDNA), without the dot at the end; an address in its shortest form. Empty when it is no host.

    Numbers that only some resolvers take for an address (`0x7f.1`, `2130706433`, `010.0.0.1`) are no host.
    """
    host = text.strip().removesuffix(".").lower()
    if not host or len(host) > MAX_HOST or "%" in host:
        return ""
    if address := as_address(host):
        return str(address)
    if not host.isascii():
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError:
            return ""
    labels = host.split(".")
    if not all(_LABEL.fullmatch(label) for label in labels) or _NUMERIC.fullmatch(labels[-1]):
        return ""
    return host


def as_address(text: str) -> Address | None:
    """An address in the usual notation only."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def not_public(address: Address) -> str:
    """Why this address must not be reached from outside of its own network; empty when it is a public one."""
    if is_metadata(address):
        return "it is the address of a cloud's metadata service"
    if isinstance(address, ipaddress.IPv6Address) and (inner := _inner(address)) is not None:
        return not_public(inner)
    if any(address.version == block.version and address in block for block in _NEVER_PUBLIC):
        return "it is not a public address"
    if address.is_loopback:
        return "it is this machine"
    if address.is_link_local:
        return "it is an address of the local link"
    if address.is_multicast or address.is_unspecified or address.is_reserved:
        return "it is not the address of one host"
    if address.is_private or not address.is_global:
        return "it is an address of a private network"
    return ""


def is_metadata(address: Address) -> bool:
    """Never reached, whoever grants it: what answers there hands out keys."""
    if isinstance(address, ipaddress.IPv6Address) and (inner := _inner(address)) is not None:
        return is_metadata(inner)
    return address in _METADATA or (address.version == 4 and address.is_link_local)


def _inner(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address.ipv4_mapped:
        return address.ipv4_mapped
    if address.is_loopback or address.is_unspecified:
        return None
    for network, behind in _EMBEDDING:
        if address in network:
            return ipaddress.IPv4Address(int(address) >> behind & 0xFFFFFFFF)
    return None


def _ports(text: str) -> frozenset[int]:
    if not text:
        return USUAL_PORTS
    if text == "*":
        return frozenset()
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise ValueError(f"{_shown(text)} is no port: write `example.org` or `example.org:8443`")
    return frozenset({int(text)})


def _shown(text: str) -> str:
    return repr(one_line(visible(text[:200]), 80))
