"""Loopback addresses and ports: are they there, are they free, which port is free on all of them."""

import errno
import random
import socket
from collections.abc import Iterable

from replays.errors import ReplayError

ATTEMPTS_TO_FIND_A_PORT = 50


def require_bindable(address: str, port: int, *, datagrams: bool = False) -> None:
    """Raise ReplayError, saying what to do, unless this process could listen on `address:port` now."""
    kind = socket.SOCK_DGRAM if datagrams else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as probe:
        if not datagrams:
            # As nginx and asyncio do: connections of an earlier run in TIME_WAIT do not make the port busy.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            raise ReplayError(_reason(error, address, port)) from error


def _reason(error: OSError, address: str, port: int) -> str:
    if error.errno == errno.EADDRNOTAVAIL:
        return (
            f"The address {address} does not exist on this machine. Linux answers on all of 127.0.0.0/8; "
            f"macOS needs an alias first: sudo ifconfig lo0 alias {address} up"
        )
    if error.errno == errno.EADDRINUSE:
        return (
            f"{address}:{port} is already in use. Is this replay running already? "
            "Stop it first, or choose other ports with --port-base."
        )
    if error.errno == errno.EACCES:
        return f"This user may not listen on {address}:{port}. Choose a port above 1023 with --port-base."
    return f"Cannot listen on {address}:{port}: {error.strerror}."


def free_port(stream_addresses: Iterable[str] = (), datagram_addresses: Iterable[str] = ()) -> int:
    """A port that is free now on every address given. Somebody else may take it before it is used."""
    streams, datagrams = list(stream_addresses), list(datagram_addresses)
    for _ in range(ATTEMPTS_TO_FIND_A_PORT):
        # Below 32768, where Linux starts to hand out ports to outgoing connections.
        port = random.randint(20_000, 32_000)  # noqa: S311 - not a secret
        try:
            for address in streams:
                require_bindable(address, port)
            for address in datagrams:
                require_bindable(address, port, datagrams=True)
        except ReplayError as error:
            if isinstance(error.__cause__, OSError) and error.__cause__.errno == errno.EADDRINUSE:
                continue
            raise
        return port
    raise ReplayError(f"Found no free port on {', '.join(streams + datagrams)} in {ATTEMPTS_TO_FIND_A_PORT} attempts.")
