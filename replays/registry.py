"""The replays there are. A new one: a package like `replays/vm_migration`, a line here, a page in docs/replays/."""

from replays.vm_migration import VmMigration

REPLAYS: dict[str, type[VmMigration]] = {
    VmMigration.name: VmMigration,
}
