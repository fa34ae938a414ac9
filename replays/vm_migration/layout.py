"""Who listens where. Addresses are fixed, ports can be chosen; a sample maintenance aims at the default ones."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from replays.addresses import free_port

OLD_ADDRESS = "127.0.0.20"
NEW_ADDRESS = "127.0.0.21"
NAME_SERVERS = {"ns1": "127.0.0.22", "ns2": "127.0.0.23"}
ZONE = "example.test"
HOSTNAME = f"chat.{ZONE}"
FRONT_PAGE_PATH = "/"
WEBSOCKET_PATH = "/ws"


class State(StrEnum):
    BROKEN = "broken"
    RECORDS_UPDATED = "records updated"
    FIXED = "fixed"


class Command(StrEnum):
    UPDATE_RECORDS = "update-records"
    FIX = "fix"


@dataclass(frozen=True)
class Ports:
    """`web` is open on the old and the new address (a URL has one port), `dns` on both name servers, UDP and TCP."""

    web: int = 8480
    dns: int = 8453

    @classmethod
    def from_base(cls, base: int) -> "Ports":
        return cls(web=base, dns=base + 1)

    @classmethod
    def free(cls) -> "Ports":
        """Ports nobody uses now, for tests that run side by side."""
        servers = list(NAME_SERVERS.values())
        return cls(web=free_port([OLD_ADDRESS, NEW_ADDRESS]), dns=free_port(servers, servers))

    @property
    def front_page_url(self) -> str:
        return f"http://{HOSTNAME}:{self.web}{FRONT_PAGE_PATH}"

    @property
    def websocket_url(self) -> str:
        return f"ws://{HOSTNAME}:{self.web}{WEBSOCKET_PATH}"

    @property
    def resolvers(self) -> list[str]:
        return [f"{address}:{self.dns}" for address in NAME_SERVERS.values()]

    def variables(self) -> dict[str, Any]:
        """What a runbook for this move asks for. `resolver` is where the check host must look the name up."""
        return {
            "hostname": HOSTNAME,
            "port": self.web,
            "old_addresses": [OLD_ADDRESS],
            "new_addresses": [NEW_ADDRESS],
            "resolvers": self.resolvers,
            "resolver": self.resolvers[0],
            "front_page_url": self.front_page_url,
            "websocket_url": self.websocket_url,
        }
