"""What a child process of a replay does so that it never outlives the replay."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

PR_SET_PDEATHSIG = 1  # linux/prctl.h
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def dying_with_this_process() -> Callable[[], None] | None:
    """A `preexec_fn`: the child gets SIGTERM when this process is gone, however it went. None where that can't be had.

    The kernel ties this to the *thread* that forks, so it is for processes that fork from their main thread.
    """
    libc = _libc
    if libc is None:
        return None
    parent = os.getpid()

    def arrange() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            # The parent died between the fork and the line above.
            os._exit(1)

    return arrange
