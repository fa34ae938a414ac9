"""The checks that would have spoken first, and the one that lulled everybody."""

import json
from collections.abc import Sequence

from replays.probe_command import ProbeCommand
from replays.vm_migration.chat import MARKER, MARKER_HEADER
from replays.vm_migration.layout import HOSTNAME, NEW_ADDRESS, OLD_ADDRESS, Ports, State

ALWAYS_PASSED: dict[str, str] = dict.fromkeys(State, "passed")
PASSED_ONCE_RECORDS_ARE_UPDATED: dict[str, str] = {**ALWAYS_PASSED, State.BROKEN: "failed"}
PASSED_ONCE_ALL_IS_FIXED: dict[str, str] = {**PASSED_ONCE_RECORDS_ARE_UPDATED, State.RECORDS_UPDATED: "failed"}


def probe_commands(ports: Ports) -> Sequence[ProbeCommand]:
    """In the order in which to try them: the trap first, then from the name inwards."""
    by_name = {"resolver": ports.resolvers[0]}
    hello = {"message": "hello", "expected_echo": "hello"}
    new_set = {"new_addresses": json.dumps([NEW_ADDRESS])}
    handshake = "status == 101 && echoed"
    return (
        ProbeCommand(
            "The front page, by name: the check that everybody did (the trap)",
            "http",
            ports.front_page_url,
            ALWAYS_PASSED,
            by_name,
            (f'status == 200 && headers["{MARKER_HEADER.lower()}"] == "{MARKER}"',),
        ),
        ProbeCommand(
            "Every name server answers with the new addresses and no others",
            "dns",
            HOSTNAME,
            PASSED_ONCE_RECORDS_ARE_UPDATED,
            {"type": "A", "resolvers": ",".join(ports.resolvers)},
            ("authoritative && answers == vars.new_addresses",),
            new_set,
        ),
        ProbeCommand(
            "A WebSocket by name arrives, and at a new address",
            "websocket",
            ports.websocket_url,
            PASSED_ONCE_RECORDS_ARE_UPDATED,
            {**by_name, **hello},
            (f"{handshake} && remote_ip in vars.new_addresses",),
            new_set,
        ),
        ProbeCommand(
            "A WebSocket pinned to the new address: the chat server and its own nginx are fine",
            "websocket",
            ports.websocket_url,
            ALWAYS_PASSED,
            {"connect_to": NEW_ADDRESS, **hello},
            (handshake,),
        ),
        ProbeCommand(
            "A WebSocket pinned to the old address: what visitors get whose resolver still remembers it",
            "websocket",
            ports.websocket_url,
            PASSED_ONCE_ALL_IS_FIXED,
            {"connect_to": OLD_ADDRESS, **hello},
            (handshake,),
        ),
    )
