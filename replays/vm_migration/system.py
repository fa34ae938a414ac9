"""The system itself, in a process of its own; see `replays.stage`."""

import asyncio
import json
import sys
from contextlib import AsyncExitStack
from pathlib import Path

from aiohttp import web

from replays.addresses import require_bindable
from replays.dns_server import NameServer, listening
from replays.errors import ReplayError
from replays.nginx import Nginx
from replays.stage import play
from replays.vm_migration.chat import chat_application
from replays.vm_migration.configuration import forwarding_host, new_host, zone
from replays.vm_migration.layout import NAME_SERVERS, NEW_ADDRESS, OLD_ADDRESS, ZONE, Command, Ports, State


class VmMigrationSystem:
    def __init__(self, folder: Path, ports: Ports, *, fixed: bool) -> None:
        self.ports = ports
        self.state = State.FIXED if fixed else State.BROKEN
        self.chat_socket = str(folder / "chat.sock")
        self.new_host = Nginx(folder / "new", (NEW_ADDRESS, ports.web))
        self.forwarding_host = Nginx(folder / "old", (OLD_ADDRESS, ports.web))
        self.name_server = NameServer(ZONE, zone(NEW_ADDRESS if fixed else OLD_ADDRESS))
        self.resources = AsyncExitStack()

    async def start(self) -> None:
        self._require_ports()
        chat = web.AppRunner(chat_application(), access_log=None, shutdown_timeout=1)
        self.resources.push_async_callback(chat.cleanup)
        await chat.setup()
        await web.UnixSite(chat, self.chat_socket).start()
        await self.resources.enter_async_context(listening(self.name_server, NAME_SERVERS.values(), self.ports.dns))
        self.resources.push_async_callback(self.new_host.stop)
        await self.new_host.start(new_host(self.ports.web, self.chat_socket))
        self.resources.push_async_callback(self.forwarding_host.stop)
        await self.forwarding_host.start(forwarding_host(self.ports.web, passes_upgrades=self.state == State.FIXED))

    def _require_ports(self) -> None:
        for address in (OLD_ADDRESS, NEW_ADDRESS):
            require_bindable(address, self.ports.web)
        for address in NAME_SERVERS.values():
            require_bindable(address, self.ports.dns)
            require_bindable(address, self.ports.dns, datagrams=True)

    async def switch(self, command: str) -> None:
        """`update-records`: what the owner of the name can do. `fix`: that, and the provider mends its proxy too."""
        if command not in list(Command):
            raise ReplayError(f"vm-migration knows no command “{command}”, only {', '.join(Command)}.")
        self.name_server.load(zone(NEW_ADDRESS))
        if command == Command.FIX and self.state != State.FIXED:
            await self.forwarding_host.reload(forwarding_host(self.ports.web, passes_upgrades=True))
            self.state = State.FIXED
        elif self.state == State.BROKEN:
            self.state = State.RECORDS_UPDATED

    async def stop(self) -> None:
        await self.resources.aclose()

    async def broken_down(self) -> str:
        """Wait for either nginx to end; its last words."""
        servers = (self.new_host, self.forwarding_host)
        waits = {asyncio.ensure_future(server.ended()): server for server in servers}
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waits:
                task.cancel()
        return waits[done.pop()].obituary()


async def main(configuration: str) -> int:
    wanted = json.loads(configuration)
    folder, ports = Path(wanted["folder"]), Ports(**wanted["ports"])
    state_file = Path(wanted["state_file"]) if wanted["state_file"] else None
    facts = {"name": wanted["name"], "variables": ports.variables()}
    return await play(VmMigrationSystem(folder, ports, fixed=wanted["fixed"]), folder, state_file, facts)


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1])))
