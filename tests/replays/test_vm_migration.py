"""The system of the story, looked at with clients that are not our own."""

import pytest

from replays.vm_migration import VmMigration
from replays.vm_migration.layout import HOSTNAME, NAME_SERVERS, NEW_ADDRESS, OLD_ADDRESS
from tests.replays.clients import addresses_of, ask, get, shake_hands, talk

SERVERS = list(NAME_SERVERS.values())


@pytest.mark.parametrize("address", [OLD_ADDRESS, NEW_ADDRESS])
def test_the_front_page_loads_by_either_address_although_the_system_is_broken(broken: VmMigration, address: str):
    status, marker, body = get(address, broken.ports.web)
    assert (status, marker) == (200, "chat")
    assert "<h1>Chat</h1>" in body


@pytest.mark.parametrize("address", [OLD_ADDRESS, NEW_ADDRESS])
def test_the_front_page_loads_by_either_address_when_fixed(fixed: VmMigration, address: str):
    assert get(address, fixed.ports.web)[:2] == (200, "chat")


def test_both_addresses_give_the_same_page_so_nobody_could_see_the_detour(broken: VmMigration):
    assert get(OLD_ADDRESS, broken.ports.web) == get(NEW_ADDRESS, broken.ports.web)


def test_a_handshake_at_the_old_address_loses_its_upgrade_header_on_the_way(broken: VmMigration):
    status, echo = shake_hands(OLD_ADDRESS, broken.ports)
    assert (status, echo) == (400, None)


def test_a_handshake_at_the_new_address_succeeds_even_while_broken(broken: VmMigration):
    assert shake_hands(NEW_ADDRESS, broken.ports, "ahoy") == (101, "ahoy")


@pytest.mark.parametrize("address", [OLD_ADDRESS, NEW_ADDRESS])
def test_a_handshake_succeeds_at_either_address_when_fixed(fixed: VmMigration, address: str):
    assert shake_hands(address, fixed.ports) == (101, "hello")


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("tcp", [False, True])
def test_every_name_server_names_the_old_address_while_broken(broken: VmMigration, server: str, tcp: bool):
    assert addresses_of(server, broken.ports.dns, tcp=tcp) == [OLD_ADDRESS]


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("tcp", [False, True])
def test_every_name_server_names_the_new_address_when_fixed(fixed: VmMigration, server: str, tcp: bool):
    assert addresses_of(server, fixed.ports.dns, tcp=tcp) == [NEW_ADDRESS]


def test_updating_the_records_helps_those_who_ask_again_and_not_those_who_remember(broken: VmMigration):
    broken.update_records()
    assert broken.state == "records updated"
    assert [addresses_of(server, broken.ports.dns) for server in SERVERS] == [[NEW_ADDRESS]] * 2
    assert shake_hands(OLD_ADDRESS, broken.ports)[0] == 400


def test_a_running_system_is_fixed_from_one_connection_to_the_next(broken: VmMigration):
    assert shake_hands(OLD_ADDRESS, broken.ports)[0] == 400
    broken.fix()
    assert broken.state == "fixed"
    # Many, since a single one could have met the new worker while the old one still took connections.
    assert [shake_hands(OLD_ADDRESS, broken.ports)[0] for _ in range(30)] == [101] * 30
    assert addresses_of(SERVERS[0], broken.ports.dns) == [NEW_ADDRESS]


def test_fixing_twice_is_the_same_as_once(broken: VmMigration):
    broken.fix()
    broken.fix()
    broken.update_records()
    assert broken.state == "fixed"
    assert shake_hands(OLD_ADDRESS, broken.ports)[0] == 101


def test_a_new_record_comes_with_a_higher_serial_and_a_short_time_to_live(broken: VmMigration):
    before = ask(SERVERS[0], broken.ports.dns, HOSTNAME, "A").answer[0]
    old_serial = ask(SERVERS[0], broken.ports.dns, "example.test", "SOA").answer[0][0].serial
    broken.fix()
    assert ask(SERVERS[0], broken.ports.dns, "example.test", "SOA").answer[0][0].serial > old_serial
    assert before.ttl <= 10


def test_people_in_a_room_hear_each_other_and_nobody_else(fixed: VmMigration):
    with (
        talk(NEW_ADDRESS, fixed.ports, "kitchen") as ann,
        talk(OLD_ADDRESS, fixed.ports, "kitchen") as ben,
        talk(NEW_ADDRESS, fixed.ports, "hall") as eve,
    ):
        eve.send("here")  # all three are in their rooms once this has come back
        assert eve.recv(timeout=5) == "here"
        ben.send("hi")
        assert ben.recv(timeout=5) == "hi"
        ann.send("tea?")
        assert {ann.recv(timeout=5), ann.recv(timeout=5)} == {"hi", "tea?"}
        assert ben.recv(timeout=5) == "tea?"
        with pytest.raises(TimeoutError):
            eve.recv(timeout=0.3)


def test_the_variables_name_what_a_runbook_asks_for(broken: VmMigration):
    variables = broken.variables()
    assert variables["old_addresses"] == ["127.0.0.20"]
    assert variables["new_addresses"] == ["127.0.0.21"]
    assert variables["resolvers"] == [f"127.0.0.22:{broken.ports.dns}", f"127.0.0.23:{broken.ports.dns}"]
    assert variables["websocket_url"] == f"ws://chat.example.test:{broken.ports.web}/ws"
