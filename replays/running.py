"""The owner's side of a replay: start the process its system lives in, talk to it, leave nothing behind."""

import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from replays.errors import ReplayError
from replays.state_file import remove_state

START_TIMEOUT_SECONDS = 30
COMMAND_TIMEOUT_SECONDS = 20
STOP_TIMEOUT_SECONDS = 15
PROJECT_FOLDER = Path(__file__).resolve().parent.parent


class RunningSystem:
    """One `replays.stage` process and, in its process group, all that it starts.

    It ends by `stop()`, with its owner's end of the pipe, or by a signal; see `replays.stage`. Calls from several
    threads wait for each other.
    """

    def __init__(self, module: str, configuration: dict[str, Any], state_file: Path | None = None) -> None:
        self.module = module
        self.state_file = state_file.absolute() if state_file else None
        self.configuration = {**configuration, "state_file": str(self.state_file) if self.state_file else None}
        self._folder = ""
        self._process: subprocess.Popen[bytes] | None = None
        self._unread = b""
        self._lock = threading.Lock()

    def start(self) -> None:
        """Return when the system can be probed. Raises ReplayError with what was in the way."""
        with self._lock:
            if self._process is not None:
                raise ReplayError("This replay is running already.")
            self._folder = tempfile.mkdtemp(prefix="replay-")
            # A session of its own: Ctrl-C reaches the owner only, who then stops the whole group in order.
            self._process = subprocess.Popen(  # noqa: S603 - our own module, no shell
                [sys.executable, "-m", self.module, json.dumps({**self.configuration, "folder": self._folder})],
                cwd=PROJECT_FOLDER,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,
            )
            try:
                self._await_event("ready", START_TIMEOUT_SECONDS)
            except BaseException:
                self._end()
                raise

    def tell(self, command: str) -> None:
        """Have the system carry out a command; return when it has. Raises ReplayError."""
        with self._lock:
            process = self._running()
            assert process.stdin is not None
            try:
                process.stdin.write(command.encode() + b"\n")
                process.stdin.flush()
            except BrokenPipeError:
                raise ReplayError("The replay has ended by itself.") from None
            self._await_event("done", COMMAND_TIMEOUT_SECONDS)

    def require_alive(self, wait_seconds: float = 0) -> None:
        """Raises ReplayError, with the reason, if the system has ended or ends within `wait_seconds`."""
        with self._lock:
            event = self._next_event(time.monotonic() + wait_seconds)
            # "done" can only be the late answer to a command whose sender has given up.
            if event is not None and event["event"] != "done":
                raise ReplayError(event.get("message", "The replay has ended by itself."))

    def stop(self) -> None:
        """End the system and everything it started. Does nothing when it is not running."""
        with self._lock:
            self._end()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise ReplayError("This replay is not running.")
        return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        assert process.stdout is not None
        with suppress(BrokenPipeError):
            process.stdin.close()
        deadline = time.monotonic() + STOP_TIMEOUT_SECONDS
        while (remaining := deadline - time.monotonic()) > 0:
            readable, _, _ = select.select([process.stdout], [], [], remaining)
            if readable and not os.read(process.stdout.fileno(), 65536):
                break
        # Whatever is left of the group. The stage is not reaped yet, so its number cannot belong to anybody else.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, 9)
        process.wait()
        process.stdout.close()
        self._unread = b""
        # The stage removes both itself, and alone when its owner is killed; this is for a stage that was.
        shutil.rmtree(self._folder, ignore_errors=True)
        if self.state_file is not None:
            remove_state(self.state_file, process.pid)

    def _await_event(self, expected: str, timeout_seconds: float) -> None:
        event = self._next_event(time.monotonic() + timeout_seconds)
        if event is None:
            raise ReplayError(f"The replay did not answer within {timeout_seconds} s.")
        if event["event"] != expected:
            raise ReplayError(event.get("message", "The replay has ended by itself."))

    def _next_event(self, deadline: float) -> dict[str, str] | None:
        """The next event; `{"event": "ended"}` when there will be none; None when the deadline came first."""
        process = self._running()
        assert process.stdout is not None
        while b"\n" not in self._unread:
            readable, _, _ = select.select([process.stdout], [], [], max(0.0, deadline - time.monotonic()))
            if not readable:
                return None
            chunk = os.read(process.stdout.fileno(), 65536)
            if not chunk:
                return {"event": "ended"}
            self._unread += chunk
        line, self._unread = self._unread.split(b"\n", 1)
        event: dict[str, str] = json.loads(line)
        return event
