"""Independent clients to look at a replay with: none of them is our own prober."""

import http.client
import socket

import dns.message
import dns.query
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from replays.addresses import require_bindable
from replays.vm_migration.layout import HOSTNAME, NAME_SERVERS, NEW_ADDRESS, OLD_ADDRESS, WEBSOCKET_PATH, Ports


def get(address: str, port: int, path: str = "/") -> tuple[int, str | None, str]:
    """Status, marker header, body of a plain GET with the replay's name as Host."""
    connection = http.client.HTTPConnection(address, port, timeout=5)
    try:
        connection.request("GET", path, headers={"Host": f"{HOSTNAME}:{port}"})
        response = connection.getresponse()
        return response.status, response.getheader("X-App"), response.read().decode()
    finally:
        connection.close()


def talk(address: str, ports: Ports, room: str = "") -> ClientConnection:
    """A WebSocket to the replay's name, dialled at `address`. Raises InvalidStatus when refused."""
    query = f"?room={room}" if room else ""
    dialled = socket.create_connection((address, ports.web), timeout=5)
    return connect(f"ws://{HOSTNAME}:{ports.web}{WEBSOCKET_PATH}{query}", sock=dialled, proxy=None)


def shake_hands(address: str, ports: Ports, message: str = "hello") -> tuple[int, str | None]:
    """Status of the handshake with the replay's name, dialled at `address`, and what comes back for `message`."""
    try:
        with talk(address, ports) as chat:
            chat.send(message)
            return 101, str(chat.recv(timeout=5))
    except InvalidStatus as refusal:
        return refusal.response.status_code, None


def ask(server: str, port: int, name: str, kind: str = "A", *, tcp: bool = False) -> dns.message.Message:
    query = dns.message.make_query(name, kind)
    if tcp:
        return dns.query.tcp(query, server, port=port, timeout=5)
    return dns.query.udp(query, server, port=port, timeout=5)


def addresses_of(server: str, port: int, name: str = HOSTNAME, *, tcp: bool = False) -> list[str]:
    return sorted(str(record) for rrset in ask(server, port, name, tcp=tcp).answer for record in rrset)


def require_ports_free(ports: Ports) -> None:
    """Raise ReplayError while anybody listens on one of the replay's ports."""
    for address in (OLD_ADDRESS, NEW_ADDRESS):
        require_bindable(address, ports.web)
    for address in NAME_SERVERS.values():
        require_bindable(address, ports.dns)
        require_bindable(address, ports.dns, datagrams=True)
