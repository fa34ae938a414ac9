"""Throwaway servers for tests: PostgreSQL, Redis, Celery workers, an HTTP target. Real processes, ephemeral ports."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

PROJECT_FOLDER = Path(__file__).resolve().parent.parent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], object], seconds: float, what: str, every_seconds: float = 0.05) -> None:
    """Poll until the condition holds; AssertionError with `what` when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"after {seconds} s still not: {what}"
        time.sleep(every_seconds)


def answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def postgresql_binary(name: str) -> str | None:
    """On the PATH, or where Debian keeps it."""
    found = shutil.which(name)
    if found:
        return found
    candidates = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    return str(candidates[0]) if candidates else None


def _end(process: subprocess.Popen[bytes], first_signal: int, seconds: float = 10) -> None:
    if process.poll() is None:
        process.send_signal(first_signal)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def postgresql(*, durable: bool = False) -> Iterator[str]:
    """A PostgreSQL server of our own; yields its URL. Nothing is synced to disk, as it is thrown away, unless
    `durable`: then it commits as an installation's does."""
    initdb, postgres = postgresql_binary("initdb"), postgresql_binary("postgres")
    assert initdb, "PostgreSQL is not installed"
    assert postgres, "PostgreSQL is not installed"
    folder = Path(tempfile.mkdtemp(prefix="hindsight-pg-"))
    as_user: list[str] = []
    if os.geteuid() == 0:  # initdb refuses root
        as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        shutil.chown(folder, "postgres", "postgres")
    port = free_port()
    try:
        subprocess.run(
            [*as_user, initdb, "-D", f"{folder}/data", "-U", "hindsight", "-A", "trust", "-E", "UTF8", "--locale=C"],
            check=True,
            capture_output=True,
            cwd=folder,
        )
        settings = ["max_connections=200"]
        if not durable:
            settings += ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [*as_user, postgres, "-D", f"{folder}/data", "-p", str(port), "-h", "127.0.0.1", "-k", str(folder)]
                + [part for setting in settings for part in ("-c", setting)],
                stdout=log,
                stderr=log,
                cwd=folder,
            )
        try:
            wait_until(lambda: answers(port), 20, "PostgreSQL answers")
            yield f"postgres://hindsight@127.0.0.1:{port}/postgres"
        finally:
            _end(server, signal.SIGINT)  # fast shutdown
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def redis() -> Iterator[str]:
    """A Redis server of our own, without persistence; yields its URL."""
    binary = shutil.which("redis-server")
    assert binary, "Redis is not installed"
    port = free_port()
    server = subprocess.Popen(
        [binary, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=tempfile.gettempdir(),
    )
    try:
        wait_until(lambda: answers(port), 10, "Redis answers")
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        _end(server, signal.SIGTERM)


@dataclass
class WorkerProcess:
    """A Celery worker process. What it says stands in `log`."""

    name: str
    process: subprocess.Popen[bytes]
    log_path: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def kill(self) -> None:
        """SIGKILL: no goodbye."""
        self.process.kill()
        self.process.wait()

    def stop(self, seconds: float = 20) -> int:
        """SIGTERM, as a supervisor does; returns the exit code."""
        self.process.send_signal(signal.SIGCONT)
        _end(self.process, signal.SIGTERM, seconds)
        return self.process.returncode


def start_worker(
    environment: Mapping[str, str], folder: Path, *, name: str, queues: str = "checks.default"
) -> WorkerProcess:
    """Start a worker as the supervisor does; it need not import the pages to check them. Does not wait for it."""
    log_path = folder / f"{name}.log"
    command = [
        "-m",
        "celery",
        "-A",
        "config",
        "--skip-checks",
        "worker",
        "-P",
        "threads",
        "-c",
        "2",
        "-Q",
        queues,
        "-n",
        name,
    ]
    with log_path.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, *command, "--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "INFO"],
            env=dict(environment),
            stdout=log,
            stderr=log,
            cwd=PROJECT_FOLDER,
        )
    return WorkerProcess(name, process, log_path)


@dataclass
class HttpTarget:
    """A loopback web server. Paths: /ok (200), /fail (500), /slow/<seconds> (200 after a while), /silent (never).

    `hits` counts requests by path, `in_flight` those that wait for their answer, `most_in_flight` the peak.
    """

    port: int
    hits: Counter[str] = field(default_factory=Counter)
    in_flight: int = 0
    most_in_flight: int = 0

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    async def answer(self, request: web.Request) -> web.Response:
        self.hits[request.path_qs] += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            first, _, rest = request.path.strip("/").partition("/")
            if first == "silent":
                await asyncio.sleep(3600)
            if first == "slow":
                await asyncio.sleep(float(rest))
            if first == "fail":
                return web.Response(status=500, text="broken")
            return web.Response(text="ok", headers={"X-App": "target"})
        finally:
            self.in_flight -= 1


@contextlib.contextmanager
def http_target() -> Iterator[HttpTarget]:
    """An HTTP server on its own thread and loop."""
    loop = asyncio.new_event_loop()
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    target = HttpTarget(int(listener.getsockname()[1]))

    async def start() -> web.AppRunner:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", target.answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.SockSite(runner, listener, backlog=2048).start()
        return runner

    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    runner = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
    try:
        yield target
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@contextlib.contextmanager
def silent_listener() -> Iterator[int]:
    """A TCP port that accepts connections and never says a word."""
    listener = socket.create_server(("127.0.0.1", 0))
    kept: list[socket.socket] = []

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                kept.append(listener.accept()[0])

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for connection in kept:
            connection.close()
