"""Hosts by grant and addresses by registry: what may be reached and what is nobody's business."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cherry.security.egress import (
    ANYWHERE,
    Grant,
    anywhere,
    as_address,
    granting,
    grants_of,
    is_metadata,
    normal_host,
    not_public,
    parse_grant,
    split_port,
)


@pytest.mark.parametrize(
    ("grant", "host", "port", "covered"),
    [
        ("pypi.org", "pypi.org", 443, True),
        ("pypi.org", "pypi.org", 80, True),
        ("pypi.org", "pypi.org", 22, False),
        ("PyPI.org.", "pypi.org", 443, True),
        ("pypi.org", "evilpypi.org", 443, False),
        ("pypi.org", "pypi.org.evil.com", 443, False),
        ("pypi.org", "files.pypi.org", 443, False),
        ("*.npmjs.org", "registry.npmjs.org", 443, True),
        ("*.npmjs.org", "a.b.npmjs.org", 443, True),
        ("*.npmjs.org", "npmjs.org", 443, False),
        ("*.npmjs.org", "evilnpmjs.org", 443, False),
        ("example.org:8443", "example.org", 8443, True),
        ("example.org:8443", "example.org", 443, False),
        ("example.org:*", "example.org", 22, True),
        ("*", "anything.example", 443, True),
        ("*", "anything.example", 25, False),
        ("*:*", "anything.example", 25, True),
        ("bücher.example", "xn--bcher-kva.example", 443, True),
        ("93.184.216.34", "93.184.216.34", 80, True),
        ("[2606:2800:220:1::1]:8080", "2606:2800:220:1::1", 8080, True),
        ("2606:2800:220:1::1", "2606:2800:220:1::1", 443, True),
    ],
)
def test_a_grant_covers_its_host_and_ports_and_no_other(grant: str, host: str, port: int, covered: bool) -> None:
    assert parse_grant(grant).covers(host, port) is covered


@pytest.mark.parametrize(
    "text",
    [
        *[
            "",
            " ",
            "a b",
            "*.*",
            "a.*.b",
            "*.com",
            "*.10.0.0.1",
            "http://x.org",
            "x.org/path",
            "x.org:0",
            "x.org:65536",
        ],
        *["x.org:http", "user@x.org", "-x.org", "x..org", "[::1", "2130706433", "0x7f000001", "127.1", "0177.0.0.1"],
        *["a" * 64 + ".org", "a." * 130 + "org", "fe80::1%eth0", "x.org:٣", "\x00.org", "x\n.org", "..", "."],
    ],
)
def test_what_is_no_host_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no (host|port)"):
        parse_grant(text)


@pytest.mark.parametrize(
    "written", ["pypi.org", "*.x.org", "x.org:8443", "x.org:*", "[::1]:80", "*", "*:*", "1.2.3.4:5"]
)
def test_the_written_form_reads_as_the_same_grant(written: str) -> None:
    assert str(parse_grant(written)) == written
    assert parse_grant(str(parse_grant(written))) == parse_grant(written)


def test_a_wide_grant_includes_the_narrow_ones_below_it() -> None:
    assert parse_grant("*.x.org").includes(parse_grant("a.x.org"))
    assert parse_grant("*:*").includes(parse_grant("a.x.org:22"))
    assert ANYWHERE.includes(parse_grant("a.x.org"))
    assert not ANYWHERE.includes(parse_grant("a.x.org:22"))
    assert not parse_grant("a.x.org").includes(parse_grant("*.x.org"))
    assert not parse_grant("a.x.org").includes(ANYWHERE)
    assert anywhere(grants_of(["a.org", "*"]))
    assert not anywhere(grants_of(["a.org", "*.b.org"]))


def test_private_networks_take_an_exact_host_and_port_of_the_users_own() -> None:
    assert parse_grant("192.168.1.5:8000", private=True).private
    assert not parse_grant("192.168.1.5:8000").private
    for wide in ("192.168.1.5", "*:8000", "*.lan.example:8000", "db.lan:*"):
        assert not parse_grant(wide, private=True).private, wide
    grants = grants_of(["*:8000", "db.lan:8000"], private=True)
    assert granting(grants, "db.lan", 8000) == Grant("db.lan", frozenset({8000}), private=True)


_NOT_PUBLIC = """
127.0.0.1 127.255.255.254 0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 172.16.0.1 172.31.255.255 192.168.0.1 169.254.0.1
169.254.169.254 169.254.170.2 100.64.0.1 100.127.255.255 100.100.100.200 192.0.0.1 192.0.0.192 192.0.2.1 198.18.0.1
198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 192.88.99.1 168.63.129.16
::1 :: fe80::1 fc00::1 fd00:ec2::254 fec0::1 ff02::1 2001:db8::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254
64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b:1::1 2002:7f00:1:: 2002:a00:1:: 2001:0:4136:e378:8000:63bf:3fff:fdd2 ::7f00:1 100::1
"""
_PUBLIC = """
1.1.1.1 8.8.8.8 93.184.216.34 172.15.255.255 172.32.0.1 100.63.255.255 100.128.0.1 169.253.1.1 192.167.1.1 223.255.255.254
2606:4700::1111 2a00:1450:4001:830::200e ::ffff:8.8.8.8 64:ff9b::808:808 2002:808:808::1
"""


@pytest.mark.parametrize("text", _NOT_PUBLIC.split())
def test_addresses_that_are_not_public_are_told_by_why(text: str) -> None:
    assert not_public(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", _PUBLIC.split())
def test_public_addresses_pass(text: str) -> None:
    assert not_public(ipaddress.ip_address(text)) == ""


@pytest.mark.parametrize(
    "text", ["169.254.169.254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "fd00:ec2::254", "168.63.129.16"]
)
def test_metadata_services_are_known_in_every_disguise(text: str) -> None:
    assert is_metadata(ipaddress.ip_address(text))


V4 = st.integers(0, 2**32 - 1).map(ipaddress.IPv4Address)


@given(V4)
def test_an_ipv4_address_is_as_public_in_ipv6_as_by_itself(address: ipaddress.IPv4Address) -> None:
    mapped = ipaddress.IPv6Address(f"::ffff:{address}")
    nat64 = ipaddress.IPv6Address(int(ipaddress.IPv6Address("64:ff9b::")) + int(address))
    six_to_four = ipaddress.IPv6Address((0x2002 << 112) + (int(address) << 80) + 1)
    assert {bool(not_public(form)) for form in (address, mapped, nat64, six_to_four)} == {bool(not_public(address))}


@given(V4)
def test_nothing_that_is_not_global_by_the_registry_is_public(address: ipaddress.IPv4Address) -> None:
    if not address.is_global:
        assert not_public(address)


@given(st.text(max_size=80))
def test_a_normal_host_is_ascii_and_stays_as_it_is(text: str) -> None:
    host = normal_host(text)
    assert host.isascii()
    assert not set(host) & set(" /@?#\\\r\n\t%[]*")
    assert normal_host(host) == host
    if host and as_address(host) is None:
        assert not host.rsplit(".", 1)[-1].isdigit(), "only an address ends in a number"


@given(st.text(max_size=60))
def test_reading_a_grant_gives_one_or_says_what_is_wrong(text: str) -> None:
    try:
        grant = parse_grant(text)
    except ValueError:
        return
    assert parse_grant(str(grant)) == grant


@given(st.text(max_size=40), st.integers(1, 65535))
def test_a_port_behind_a_host_is_found(host: str, port: int) -> None:
    if ":" not in host and not host.startswith("["):
        assert split_port(f"{host}:{port}") == (host, str(port))
    assert split_port(f"[::1]:{port}") == ("::1", str(port))
