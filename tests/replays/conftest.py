from collections.abc import Iterator

import pytest

from replays.vm_migration import Ports, VmMigration


@pytest.fixture
def broken() -> Iterator[VmMigration]:
    with VmMigration(ports=Ports.free()) as replay:
        yield replay


@pytest.fixture
def fixed() -> Iterator[VmMigration]:
    with VmMigration(ports=Ports.free(), fixed=True) as replay:
        yield replay
