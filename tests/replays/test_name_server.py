"""The name server answers as an authoritative server does, and survives what is no question."""

import socket

import dns.flags
import dns.message
import dns.rcode

from replays.vm_migration import VmMigration
from replays.vm_migration.layout import NAME_SERVERS, OLD_ADDRESS
from tests.replays.clients import addresses_of, ask

SERVER = NAME_SERVERS["ns1"]


def test_answers_are_authoritative_and_offer_no_recursion(broken: VmMigration):
    reply = ask(SERVER, broken.ports.dns, "CHAT.example.test")
    assert reply.flags & dns.flags.AA
    assert not reply.flags & dns.flags.RA
    assert reply.rcode() == dns.rcode.NOERROR


def test_the_zone_names_its_two_servers_and_their_addresses(broken: VmMigration):
    servers = {str(record.target) for record in ask(SERVER, broken.ports.dns, "example.test", "NS").answer[0]}
    assert servers == {"ns1.example.test.", "ns2.example.test."}
    found = [addresses_of(SERVER, broken.ports.dns, name) for name in sorted(servers)]
    assert found == [["127.0.0.22"], ["127.0.0.23"]]


def test_a_type_that_the_name_has_not_is_an_empty_answer_with_the_soa(broken: VmMigration):
    reply = ask(SERVER, broken.ports.dns, "chat.example.test", "AAAA")
    assert (reply.rcode(), reply.answer) == (dns.rcode.NOERROR, [])
    assert reply.authority[0].rdtype.name == "SOA"


def test_an_unknown_name_in_the_zone_does_not_exist(broken: VmMigration):
    reply = ask(SERVER, broken.ports.dns, "mail.example.test")
    assert reply.rcode() == dns.rcode.NXDOMAIN
    assert reply.authority[0].rdtype.name == "SOA"


def test_another_zone_is_refused(broken: VmMigration):
    assert ask(SERVER, broken.ports.dns, "chat.example.com").rcode() == dns.rcode.REFUSED


def test_garbage_is_passed_over_and_the_next_question_answered(broken: VmMigration):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        for garbage in (b"", b"\x00", b"x" * 600, dns.message.make_query("a.test", "A").to_wire()[:-3]):
            udp.sendto(garbage, (SERVER, broken.ports.dns))
    with socket.create_connection((SERVER, broken.ports.dns), timeout=5) as tcp:
        tcp.sendall(b"\x00\x05junk!")
        assert tcp.recv(10) == b""
    assert addresses_of(SERVER, broken.ports.dns) == [OLD_ADDRESS]
    assert addresses_of(SERVER, broken.ports.dns, tcp=True) == [OLD_ADDRESS]


def test_an_answer_is_not_answered_so_that_two_servers_never_talk_for_ever(broken: VmMigration):
    answer = dns.message.make_response(dns.message.make_query("chat.example.test", "A"))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(0.3)
        udp.sendto(answer.to_wire(), (SERVER, broken.ports.dns))
        try:
            reply = udp.recv(1000)
        except TimeoutError:
            reply = b""
    assert reply == b""
