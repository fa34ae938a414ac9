"""`manage.py replay`, as a person runs it: a real process, real signals, what is typed and what is printed."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from replays.errors import ReplayError
from replays.vm_migration import Ports
from replays.vm_migration.layout import NEW_ADDRESS, OLD_ADDRESS
from tests.replays.clients import addresses_of, require_ports_free, shake_hands

MANAGE = [sys.executable, "manage.py", "replay"]
PROJECT_FOLDER = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 60


@pytest.fixture
def ports() -> Ports:
    """Free ports as `--port-base` hands them out: one after the other."""
    for _ in range(20):
        ports = Ports.from_base(Ports.free().web)
        with contextlib.suppress(ReplayError):
            require_ports_free(ports)
            return ports
    raise AssertionError("found no two free ports side by side")


def environment(state_folder: Path) -> dict[str, str]:
    return {**os.environ, "STATE_DIR": str(state_folder), "PYTHONUNBUFFERED": "1"}


def run(*arguments: str, state_folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*MANAGE, *arguments],
        cwd=PROJECT_FOLDER,
        env=environment(state_folder),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        stdin=subprocess.DEVNULL,
    )


@contextlib.contextmanager
def started(*arguments: str, state_folder: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*MANAGE, *arguments],
        cwd=PROJECT_FOLDER,
        env=environment(state_folder),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    watchdog = threading.Timer(PATIENCE_SECONDS, process.kill)
    watchdog.start()
    try:
        yield process
    finally:
        watchdog.cancel()
        process.terminate()
        process.communicate()


def read_until(process: subprocess.Popen[str], text: str) -> str:
    """What is printed up to the line with this text. Fails with all of it when the text does not come."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if text in line:
            return "".join(lines)
    assert process.stderr is not None
    raise AssertionError(f"“{text}” was not printed, but:\n{''.join(lines)}{process.stderr.read()}")


def type_in(process: subprocess.Popen[str], text: str) -> None:
    assert process.stdin is not None
    process.stdin.write(text)
    process.stdin.flush()


def test_list_names_the_replays(tmp_path: Path):
    done = run("--list", state_folder=tmp_path)
    assert done.returncode == 0
    assert done.stdout.startswith("vm-migration ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["vm-migratoin"], "There is no replay “vm-migratoin”. There are: vm-migration."),
        ([], "Say which replay: vm-migration."),
        (["vm-migration", "--port-base", "70000"], "--port-base 70000: give a port from 1 to 65500."),
        (["vm-migration", "--port-base", "many"], "invalid int value: 'many'"),
    ],
)
def test_bad_input_ends_with_2_and_a_message_that_names_it(tmp_path: Path, arguments: list[str], message: str):
    done = run(*arguments, state_folder=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_it_prints_addresses_and_commands_and_answers_on_them(tmp_path: Path, ports: Ports):
    with started("vm-migration", "--port-base", str(ports.web), state_folder=tmp_path) as process:
        printed = read_until(process, "Ctrl-C stops")
        assert f"127.0.0.20:{ports.web}" in printed
        assert f"127.0.0.23:{ports.dns}" in printed
        assert printed.count("python manage.py probe ") == 5
        assert shake_hands(OLD_ADDRESS, ports)[0] == 400
        assert shake_hands(NEW_ADDRESS, ports) == (101, "hello")
        state = json.loads((tmp_path / "replays" / "vm-migration.json").read_text())
        assert state["variables"]["port"] == ports.web


def test_fixed_starts_fixed(tmp_path: Path, ports: Ports):
    with started("vm-migration", "--fixed", "--port-base", str(ports.web), state_folder=tmp_path) as process:
        assert "fixed" in read_until(process, "Ctrl-C stops").splitlines()[0]
        assert addresses_of("127.0.0.22", ports.dns) == [NEW_ADDRESS]


def test_typing_repairs_step_by_step_and_nonsense_is_told_so(tmp_path: Path, ports: Ports):
    with started("vm-migration", "--port-base", str(ports.web), state_folder=tmp_path) as process:
        read_until(process, "Ctrl-C stops")
        type_in(process, "u\n")
        read_until(process, "Now: records updated.")
        assert addresses_of("127.0.0.22", ports.dns) == [NEW_ADDRESS]
        assert shake_hands(OLD_ADDRESS, ports)[0] == 400
        type_in(process, "x\nf\n")
        read_until(process, "Now: fixed.")
        assert shake_hands(OLD_ADDRESS, ports)[0] == 101
        process.send_signal(signal.SIGINT)
        _, complaints = process.communicate()
        assert "“x” means nothing here; type u or f" in complaints


def test_a_signal_fixes_it_also_when_nobody_can_type(tmp_path: Path, ports: Ports):
    with started("vm-migration", "--port-base", str(ports.web), state_folder=tmp_path) as process:
        read_until(process, "Ctrl-C stops")
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None
        process.send_signal(signal.SIGUSR1)
        read_until(process, "Now: fixed.")
        assert shake_hands(OLD_ADDRESS, ports)[0] == 101


@pytest.mark.parametrize("blow", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_every_way_to_stop_it_stops_it_cleanly(tmp_path: Path, ports: Ports, blow: signal.Signals):
    with started("vm-migration", "--port-base", str(ports.web), state_folder=tmp_path) as process:
        read_until(process, "Ctrl-C stops")
        process.send_signal(blow)
        _, complaints = process.communicate()
    assert process.returncode == 0
    assert complaints == "Stopped; nothing is left running.\n"
    assert not (tmp_path / "replays" / "vm-migration.json").exists()
    with pytest.raises(ConnectionRefusedError):
        shake_hands(NEW_ADDRESS, ports)


def test_a_second_one_on_the_same_ports_ends_with_2_and_says_so(tmp_path: Path, ports: Ports):
    base = ["vm-migration", "--port-base", str(ports.web)]
    with started(*base, state_folder=tmp_path) as process:
        read_until(process, "Ctrl-C stops")
        second = run(*base, state_folder=tmp_path)
    assert second.returncode == 2
    assert f"127.0.0.20:{ports.web} is already in use" in second.stderr
    assert "Traceback" not in second.stderr
