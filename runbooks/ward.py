"""The ward: runs under which a worker died are carried out in child processes, where they can hurt nobody.

After its first worker's death a run shares a child with others of its kind: when a worker is killed from outside, all
that it was running comes here at once, and nearly all of it is innocent. After the second it has a child of its own.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from runbooks.outcomes import Errand, Outcome

PROJECT_FOLDER = Path(__file__).resolve().parent.parent
RUNS_PER_CHILD = 50
CHILDREN_AT_ONCE = 4
START_SECONDS = 20.0
"""What a child may take, besides its runs' deadlines, to import and to write on a busy machine."""


def carry_out(
    errands: Sequence[Errand], on_outcome: Callable[[Outcome], None], on_start: Callable[[int], None]
) -> set[int]:
    """Run errands in one child process; blocks. Calls `on_start` with its pid, `on_outcome` for each as it comes.

    Returns the ids of those that have no outcome because the child died or was killed at its time limit.
    """
    missing = {errand.run_id for errand in errands}
    child = subprocess.Popen(
        [sys.executable, "-m", "runbooks.ward_child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=PROJECT_FOLDER,
        start_new_session=True,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    on_start(child.pid)
    limit_seconds = START_SECONDS + max(errand.deadline_seconds for errand in errands)
    watchdog = threading.Timer(limit_seconds, kill_group, [child.pid])
    watchdog.daemon = True
    watchdog.start()
    try:
        with contextlib.suppress(BrokenPipeError), child.stdin:
            pickle.dump(list(errands), child.stdin)
        while True:
            try:
                outcome = pickle.load(child.stdout)  # noqa: S301 written by our own child
            except (EOFError, pickle.UnpicklingError):
                return missing
            missing.discard(outcome.run_id)
            on_outcome(outcome)
    finally:
        watchdog.cancel()
        kill_group(child.pid)
        child.stdout.close()
        child.wait()


def kill_group(pid: int) -> None:
    """The child leads its own group, so that what it has started goes with it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
