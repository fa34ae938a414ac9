"""The owner's side of the replay: a context manager for tests, the command and the pages."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from replays.probe_command import ProbeCommand
from replays.running import RunningSystem
from replays.vm_migration.layout import HOSTNAME, NAME_SERVERS, NEW_ADDRESS, OLD_ADDRESS, Command, Ports, State
from replays.vm_migration.probes import probe_commands


class VmMigration:
    """`with VmMigration() as replay:` runs the broken system, `replay.fix()` repairs it; nothing is left afterwards.

    All methods that start or switch raise `replays.errors.ReplayError`, whose message says what to do.
    `state_file`, if given, holds name, state, variables and process number as JSON while the system runs.
    """

    name = "vm-migration"
    title = "The move after which everything seemed to work"
    states: Sequence[str] = tuple(State)
    commands: Mapping[str, str] = {
        Command.UPDATE_RECORDS: "point the DNS records at the new address (all that the site's owner can do)",
        Command.FIX: "that, and let the provider's proxy on the old address pass WebSockets on",
    }

    def __init__(self, *, fixed: bool = False, ports: Ports | None = None, state_file: Path | None = None) -> None:
        self.ports = ports or Ports()
        self.state: State = State.FIXED if fixed else State.BROKEN
        self._system = RunningSystem(
            "replays.vm_migration.system",
            {
                "name": self.name,
                "fixed": fixed,
                "ports": {"web": self.ports.web, "dns": self.ports.dns},
            },
            state_file,
        )

    @classmethod
    def on_port_base(cls, port_base: int | None, *, fixed: bool, state_file: Path | None) -> Self:
        """As the command line has it: `port_base` is the web port, the next one is for DNS; None: well-known ports."""
        ports = Ports() if port_base is None else Ports.from_base(port_base)
        return cls(fixed=fixed, ports=ports, state_file=state_file)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Return when everything listens."""
        self._system.start()

    def stop(self) -> None:
        """End every process. Does nothing when nothing runs."""
        self._system.stop()

    def update_records(self) -> None:
        """The repair of the story: DNS names the new address. The old one goes on dropping Upgrade headers."""
        self.switch(Command.UPDATE_RECORDS)

    def fix(self) -> None:
        """The full repair: DNS names the new address, and the old address passes WebSockets on too."""
        self.switch(Command.FIX)

    def switch(self, command: str) -> None:
        """Carry out one of `commands`; every connection made after the return sees the change."""
        self._system.tell(command)
        if command == Command.FIX:
            self.state = State.FIXED
        elif self.state == State.BROKEN:
            self.state = State.RECORDS_UPDATED

    def require_alive(self, wait_seconds: float = 0) -> None:
        """Raise ReplayError if a part has ended by itself, or does so within `wait_seconds`."""
        self._system.require_alive(wait_seconds)

    def variables(self) -> dict[str, Any]:
        """What a runbook for this move asks for: hostname, port, old_addresses, new_addresses, resolvers, …"""
        return self.ports.variables()

    def addresses(self) -> Mapping[str, str]:
        """Who listens where, for people: role → address:port."""
        servers = {f"name server {name}": f"{address}:{self.ports.dns}" for name, address in NAME_SERVERS.items()}
        return {
            "name": f"{HOSTNAME}:{self.ports.web}",
            "old address, the provider's forwarding proxy": f"{OLD_ADDRESS}:{self.ports.web}",
            "new address, nginx and the chat server": f"{NEW_ADDRESS}:{self.ports.web}",
            **servers,
        }

    def probes(self) -> Sequence[ProbeCommand]:
        """The checks to try, with the verdict to be expected in each state."""
        return probe_commands(self.ports)
