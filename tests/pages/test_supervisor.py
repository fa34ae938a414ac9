"""One command keeps the processes of an installation running, and leaves nobody behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest


def wait_until(condition: Callable[[], bool], seconds: float = 15.0) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.05)
    return condition()


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def generations(file: Path) -> list[tuple[int, int]]:
    """(child, grandchild) process ids, one pair for each start."""
    if not file.exists():
        return []
    pairs = [line.split() for line in file.read_text().splitlines()]
    return [(int(pair[0]), int(pair[1])) for pair in pairs if len(pair) == 2]


@pytest.fixture
def supervised(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.pages.supervised", str(tmp_path)], stderr=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert wait_until(lambda: all(generations(tmp_path / name) for name in ("web", "worker")))
    yield process, tmp_path
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=20)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_stop_leaves_no_process_behind(supervised, number: signal.Signals) -> None:
    process, folder = supervised
    everyone = [pid for name in ("web", "worker") for pair in generations(folder / name) for pid in pair]
    process.send_signal(number)
    assert process.wait(timeout=20) == 0
    assert wait_until(lambda: not any(alive(pid) for pid in everyone))


def test_a_child_that_dies_is_started_again_and_it_is_said(supervised) -> None:
    process, folder = supervised
    child, grandchild = generations(folder / "worker")[0]
    os.kill(child, signal.SIGKILL)
    assert wait_until(lambda: len(generations(folder / "worker")) == 2)
    assert not alive(grandchild), "what the dead child had started goes with it"
    assert len(generations(folder / "web")) == 1, "the others run on"
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=20)
    assert b"worker ended with -9; starting it again in 0.5 s" in said


def test_killing_the_supervisor_itself_takes_its_children_along(supervised) -> None:
    process, folder = supervised
    children = [generations(folder / name)[0][0] for name in ("web", "worker")]
    process.kill()
    process.wait()
    assert wait_until(lambda: not any(alive(pid) for pid in children))
    for name in ("web", "worker"):
        for pair in generations(folder / name):
            for pid in pair:
                if alive(pid):
                    os.kill(pid, signal.SIGKILL)
