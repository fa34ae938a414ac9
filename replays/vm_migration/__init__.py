"""The move of a virtual machine after which everything seemed to work, and WebSockets did not.

A chat server has moved to a new address. Its DNS, kept by another provider, still names the old one. The hosting
provider has put a helpful forwarding proxy there, so pages go on loading; but that proxy relays plain HTTP only and
drops the `Upgrade` header, so no WebSocket handshake arrives. See docs/replays/vm-migration.md.
"""

from replays.vm_migration.layout import Ports
from replays.vm_migration.replay import VmMigration

__all__ = ["Ports", "VmMigration"]
