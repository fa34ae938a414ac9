import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.egress import Allowed, DeniedRange, EgressPolicy, Refusal, Zone, embedded_ipv4, parse_address

NOTHING = EgressPolicy()
EVERYTHING_PRIVATE = EgressPolicy(zones=(Zone("all", ("0.0.0.0/0", "::/0")),))

METADATA_SPELLINGS = [
    "169.254.169.254",
    "2852039166",
    "0xa9fea9fe",
    "0xa9.0xfe.0xa9.0xfe",
    "0251.0376.0251.0376",
    "169.254.43518",
    "169.16689662",
    "１６９.２５４.１６９.２５４",
    "169。254。169。254",
    "169.254.169.254.",
    "::ffff:169.254.169.254",
    "::ffff:a9fe:a9fe",
    "[::ffff:a9fe:a9fe]",
    "::169.254.169.254",
    "::ffff:0:169.254.169.254",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::a9fe:a9fe",
    "64:ff9b:1:a9fe:a9:fe00::",
    "2002:a9fe:a9fe::",
    "2002:a9fe:a9fe::1",
    "2001:0:a9fe:a9fe::",
    "2001:0:808:808::5601:5601",
]


@pytest.mark.parametrize("spelling", METADATA_SPELLINGS)
def test_cloud_metadata_is_refused_in_every_spelling_and_no_zone_lifts_it(spelling: str):
    verdict = EVERYTHING_PRIVATE.judge(spelling, 80)
    assert isinstance(verdict, Refusal)
    assert (verdict.rule, verdict.suggested_zone_cidr) == ("metadata", None)


@pytest.mark.parametrize(
    ("address", "rule"),
    [
        ("169.254.170.2", "metadata"),
        ("100.100.100.200", "metadata"),
        ("168.63.129.16", "metadata"),
        ("192.0.0.192", "metadata"),
        ("fd00:ec2::254", "metadata"),
        ("fd00:ec2::254%eth0", "metadata"),
        ("0.0.0.0", "unspecified"),
        ("0", "unspecified"),
        ("0.1.2.3", "unspecified"),
        ("::", "unspecified"),
        ("::ffff:0.0.0.0", "unspecified"),
        ("224.0.0.1", "multicast"),
        ("239.255.255.250", "multicast"),
        ("ff02::1", "multicast"),
        ("255.255.255.255", "broadcast"),
    ],
)
def test_hard_denies_hold_in_a_zone_of_everything(address: str, rule: str):
    verdict = EVERYTHING_PRIVATE.judge(address, 80)
    assert isinstance(verdict, Refusal)
    assert verdict.rule == rule


@pytest.mark.parametrize(
    ("address", "word", "suggestion"),
    [
        ("10.1.2.3", "private", "10.0.0.0/8"),
        ("172.31.255.255", "private", "172.16.0.0/12"),
        ("192.168.1.1", "private", "192.168.0.0/16"),
        ("127.0.0.1", "loopback", "127.0.0.0/8"),
        ("127.1", "loopback", "127.0.0.0/8"),
        ("2130706433", "loopback", "127.0.0.0/8"),
        ("0x7f.1", "loopback", "127.0.0.0/8"),
        ("0177.0.0.1", "loopback", "127.0.0.0/8"),
        ("::1", "loopback", "::1/128"),
        ("::127.0.0.1", "loopback", "127.0.0.0/8"),
        ("::ffff:127.0.0.1", "loopback", "127.0.0.0/8"),
        ("64:ff9b::10.0.0.1", "private", "10.0.0.0/8"),
        ("2002:7f00:1::", "loopback", "127.0.0.0/8"),
        ("169.254.1.1", "link-local", "169.254.0.0/16"),
        ("100.64.0.1", "carrier-grade NAT", "100.64.0.0/10"),
        ("100.127.255.255", "carrier-grade NAT", "100.64.0.0/10"),
        ("198.18.0.1", "for benchmarks", "198.18.0.0/15"),
        ("203.0.113.7", "for documentation", "203.0.113.0/24"),
        ("240.0.0.1", "reserved", "240.0.0.0/4"),
        ("fe80::1%eth0", "link-local", "fe80::/10"),
        ("fd12:3456:789a:1::1", "private", "fd12:3456:789a::/48"),
        ("64:ff9b:1::808:808", "local-use NAT64", "64:ff9b:1::/48"),
        ("2001:db8::1", "for documentation", "2001:db8::/32"),
        ("4000::1", "reserved", "4000::1/128"),
    ],
)
def test_what_is_not_public_needs_a_zone_and_the_refusal_names_it(address: str, word: str, suggestion: str):
    verdict = NOTHING.judge(address, 80)
    assert isinstance(verdict, Refusal)
    assert verdict.rule == "no_zone"
    assert f"is {word} and in no zone of this team" in verdict.message
    assert verdict.suggested_zone_cidr == suggestion
    zone = EgressPolicy(zones=(Zone("made in a click", (suggestion,)),))
    assert zone.judge(address, 80) == Allowed("made in a click")


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "1.1.1.1", "100.128.0.1", "172.32.0.1", "2606:4700::1111", "64:ff9b::8.8.8.8", "2002:808:808::"],
)
def test_public_addresses_are_allowed_without_a_zone(address: str):
    assert NOTHING.judge(address, 443) == Allowed(None)


def test_the_message_of_a_plain_refusal():
    verdict = NOTHING.judge("10.1.2.3", 80)
    assert isinstance(verdict, Refusal)
    assert verdict.message == "address refused: 10.1.2.3 is private and in no zone of this team"


@pytest.mark.parametrize(
    ("port", "protocol", "is_allowed"),
    [(80, "tcp", True), (8000, "tcp", True), (8999, "tcp", True), (9000, "tcp", False), (80, "udp", False)],
)
def test_a_zone_holds_for_its_ports_and_protocols_only(port: int, protocol: str, is_allowed: bool):
    policy = EgressPolicy(zones=(Zone("web", ("10.0.0.0/8",), ports=((80, 80), (8000, 8999)), protocols=("tcp",)),))
    verdict = policy.judge("10.0.0.1", port, protocol)
    assert isinstance(verdict, Allowed) == is_allowed
    if isinstance(verdict, Refusal):
        assert f"not {protocol} port {port}" in verdict.message


def test_a_zone_says_nothing_about_other_networks():
    policy = EgressPolicy(zones=(Zone("ten", ("10.0.0.0/8",)),))
    assert isinstance(policy.judge("192.168.0.1", 80), Refusal)
    assert isinstance(policy.judge("127.0.0.1", 80), Refusal)


def test_the_operators_deny_goes_before_zones_and_public_addresses():
    policy = EgressPolicy(
        zones=(Zone("ten", ("10.0.0.0/8",)),),
        denied=(DeniedRange("10.9.0.0/16"), DeniedRange("8.8.8.0/24", ports=((25, 25),))),
    )
    denied = policy.judge("10.9.1.1", 80)
    assert isinstance(denied, Refusal)
    assert (denied.rule, denied.suggested_zone_cidr) == ("operator_deny", None)
    assert isinstance(policy.judge("::ffff:10.9.1.1", 80), Refusal)
    assert isinstance(policy.judge("8.8.8.8", 25), Refusal)
    assert policy.judge("8.8.8.8", 53) == Allowed(None)


def test_our_own_listeners_are_refused_by_address_and_port():
    policy = EgressPolicy(
        zones=(Zone("loopback", ("127.0.0.0/8", "::1/128")),),
        own_listeners=frozenset({("127.0.0.1", 8000), ("0.0.0.0", 6379)}),
    )
    for address, port in (("127.0.0.1", 8000), ("::ffff:127.0.0.1", 8000), ("127.0.0.9", 6379), ("::1", 6379)):
        verdict = policy.judge(address, port)
        assert isinstance(verdict, Refusal)
        assert verdict.rule == "own_service"
    assert policy.judge("127.0.0.1", 8001) == Allowed("loopback")


def test_metadata_names_are_refused_whatever_they_resolve_to():
    assert NOTHING.judge_name("Metadata.Google.Internal.") is not None
    assert NOTHING.judge_name("example.org") is None


@pytest.mark.parametrize(
    "text", ["example.org", "1.2.3.4.5", "256.1.1.1", "1.2.3", "0x", "1..2", "08.1.1.1", "", "g::1"]
)
def test_what_is_no_address_is_none_or_what_the_c_library_takes_it_for(text: str):
    expected = {"1.2.3": "1.2.0.3", "0x": "0.0.0.0"}.get(text)
    found = parse_address(text)
    assert (str(found) if found else None) == expected


@given(st.ip_addresses(v=4), st.sampled_from(["dotted", "decimal", "hex", "octal parts", "hex parts", "short", "wide"]))
def test_every_spelling_of_an_ipv4_address_reads_as_that_address(address: ipaddress.IPv4Address, spelling: str):
    number, parts = int(address), str(address).split(".")
    text = {
        "dotted": str(address),
        "decimal": str(number),
        "hex": hex(number),
        "octal parts": ".".join(f"0{int(part):o}" for part in parts),
        "hex parts": ".".join(hex(int(part)) for part in parts),
        "short": f"{parts[0]}.{number & 0xFFFFFF}",
        "wide": "".join(chr(ord(character) + 0xFEE0) for character in str(address)),
    }[spelling]
    assert parse_address(text) == address


@given(st.ip_addresses(v=4))
def test_an_address_is_judged_the_same_inside_an_ipv6_translation(address: ipaddress.IPv4Address):
    plain = NOTHING.judge(str(address), 80)
    for wrapped in (f"::ffff:{address}", f"64:ff9b::{address}", f"::ffff:0:{address}"):
        assert embedded_ipv4(ipaddress.IPv6Address(wrapped)) == [address]
        verdict = NOTHING.judge(wrapped, 80)
        assert isinstance(verdict, Allowed) == isinstance(plain, Allowed)


@given(st.ip_addresses())
def test_no_address_is_judged_with_an_exception(address: ipaddress.IPv4Address | ipaddress.IPv6Address):
    assert isinstance(NOTHING.judge(str(address), 80), Allowed | Refusal)
