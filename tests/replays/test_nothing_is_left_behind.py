"""However a replay ends, no process, no folder, no state file and no occupied port stays."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from replays import nginx
from replays.addresses import free_port, require_bindable
from replays.errors import ReplayError
from replays.nginx import Nginx, find_nginx
from replays.vm_migration import Ports, VmMigration
from tests.replays.clients import require_ports_free

OWNER = """
import sys, time
from pathlib import Path
from replays.vm_migration import Ports, VmMigration
with VmMigration(ports=Ports(int(sys.argv[1]), int(sys.argv[2])), state_file=Path(sys.argv[3])):
    print("up", flush=True)
    time.sleep(600)
"""


def processes_of(stage_pid: int) -> list[psutil.Process]:
    """The stage and all that it started; there must be some, else the test would prove nothing."""
    stage = psutil.Process(stage_pid)
    family = [stage, *stage.children(recursive=True)]
    assert sum(process.name() == "nginx" for process in family) >= 4  # two masters, two workers
    return family


def folder_of(stage_pid: int) -> Path:
    return Path(json.loads(psutil.Process(stage_pid).cmdline()[-1])["folder"])


def running(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [one for one in processes if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


def within(seconds: float, condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return condition()


def test_leaving_the_context_ends_everything(tmp_path: Path):
    state_file = tmp_path / "replays" / "vm-migration.json"
    ports = Ports.free()
    with VmMigration(ports=ports, state_file=state_file) as replay:
        state = json.loads(state_file.read_text())
        family = processes_of(state["pid"])
        folder = folder_of(state["pid"])
        assert folder.is_dir()
        assert (state["name"], state["state"]) == ("vm-migration", "broken")
        assert state["variables"] == replay.variables()
        replay.fix()
        assert json.loads(state_file.read_text())["state"] == "fixed"
    assert running(family) == []
    assert not state_file.exists()
    assert not folder.exists()
    require_ports_free(ports)


def test_an_error_inside_the_context_ends_everything(tmp_path: Path):
    state_file = tmp_path / "state.json"
    family: list[psutil.Process] = []

    def look_and_stumble() -> None:
        with VmMigration(ports=Ports.free(), state_file=state_file):
            family.extend(processes_of(json.loads(state_file.read_text())["pid"]))
            raise LookupError("a test's own trouble")

    with pytest.raises(LookupError, match="a test's own trouble"):
        look_and_stumble()
    assert family
    assert running(family) == []


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_survives_an_owner_who_is_killed(tmp_path: Path, blow: signal.Signals):
    ports, state_file = Ports.free(), tmp_path / "state.json"
    arguments = [str(ports.web), str(ports.dns), str(state_file)]
    owner = subprocess.Popen([sys.executable, "-c", OWNER, *arguments], stdout=subprocess.PIPE)
    try:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"up\n"
        pid = json.loads(state_file.read_text())["pid"]
        family, folder = processes_of(pid), folder_of(pid)
    finally:
        owner.send_signal(blow)
        owner.communicate()
    assert within(10, lambda: not running(family))
    assert not folder.exists()
    assert not state_file.exists()
    require_ports_free(ports)


@pytest.mark.skipif(sys.platform != "linux", reason="the parent-death signal is Linux's")
def test_no_nginx_survives_a_stage_that_is_killed(tmp_path: Path):
    state_file = tmp_path / "state.json"
    with VmMigration(ports=Ports.free(), state_file=state_file) as replay:
        pid = json.loads(state_file.read_text())["pid"]
        family = processes_of(pid)
        folder = folder_of(pid)
        os.kill(pid, signal.SIGKILL)
        assert within(10, lambda: not running(family))
        with pytest.raises(ReplayError, match="ended by itself"):
            replay.require_alive(wait_seconds=5)
    assert not folder.exists()
    assert not state_file.exists()


def test_an_nginx_that_dies_is_noticed_and_ends_the_replay(tmp_path: Path):
    state_file = tmp_path / "state.json"
    with VmMigration(ports=Ports.free(), state_file=state_file) as replay:
        family = processes_of(json.loads(state_file.read_text())["pid"])
        next(one for one in family if one.name() == "nginx").terminate()
        with pytest.raises(ReplayError, match=r"nginx on 127\.0\.0\.2\d:\d+ ended"):
            replay.require_alive(wait_seconds=5)
        assert within(10, lambda: not running(family))


def test_a_second_start_names_the_port_in_use_and_leaves_the_first_alone(tmp_path: Path):
    ports, state_file = Ports.free(), tmp_path / "state.json"
    with VmMigration(ports=ports, state_file=state_file) as first:
        before = state_file.read_text()
        with pytest.raises(ReplayError, match=rf"127\.0\.0\.20:{ports.web} is already in use"):
            VmMigration(ports=ports, state_file=state_file).start()
        first.require_alive()
        assert state_file.read_text() == before
    assert not state_file.exists()
    require_ports_free(ports)


def test_stopping_twice_and_stopping_what_never_started_do_nothing():
    replay = VmMigration(ports=Ports.free())
    replay.stop()
    replay.start()
    replay.stop()
    replay.stop()
    with pytest.raises(ReplayError, match="not running"):
        replay.fix()


def test_a_stopped_replay_can_be_started_again():
    replay = VmMigration(ports=Ports.free())
    for _ in range(2):
        with replay:
            replay.require_alive()


def test_an_unknown_command_is_refused_and_the_replay_goes_on(broken: VmMigration):
    with pytest.raises(ReplayError, match="knows no command “explode”, only update-records, fix"):
        broken.switch("explode")
    broken.fix()


def test_an_address_this_machine_has_not_is_named_with_what_to_do():
    with pytest.raises(ReplayError, match=r"192\.0\.2\.1 does not exist on this machine.*ifconfig lo0 alias"):
        require_bindable("192.0.2.1", 8480)


def test_a_missing_nginx_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(nginx, "EXTRA_FOLDERS", ())
    with pytest.raises(ReplayError, match="apt install nginx-light"):
        find_nginx()


async def _start(server: Nginx, http: str) -> None:
    try:
        await server.start(http)
    finally:
        await server.stop()


def test_an_nginx_that_refuses_its_configuration_says_why(tmp_path: Path):
    server = Nginx(tmp_path / "nginx", ("127.0.0.1", free_port(["127.0.0.1"])))
    with pytest.raises(ReplayError, match='unknown directive "lisen"'):
        asyncio.run(_start(server, "server { lisen 80; }"))
