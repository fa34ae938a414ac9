"""What benchmarks start beside Hindsight: database, broker and targets, each a process of its own on loopback."""

from __future__ import annotations

import contextlib
import grp
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

from replays.errors import ReplayError
from replays.nginx import find_nginx
from tests import servers

PROJECT = Path(__file__).resolve().parent.parent
PAGE = "<!doctype html><title>Target</title><p>A small page that answers every check." + " It is static." * 10
SCALED_OUT = "PostgreSQL + Redis"
EMBEDDED = "SQLite + files"


@dataclass(frozen=True)
class Form:
    """One of the two sizes an installation comes in. Empty URLs: the embedded default."""

    name: str
    database_url: str = ""
    broker_url: str = ""


def missing_servers() -> str:
    """Which of PostgreSQL and Redis is not installed here, in words; empty when both are."""
    missing = [] if servers.postgresql_binary("initdb") else ["PostgreSQL"]
    return " and ".join(missing + ([] if shutil.which("redis-server") else ["Redis"]))


def missing_nginx() -> str:
    try:
        find_nginx()
    except ReplayError:
        return "nginx"
    return ""


@contextlib.contextmanager
def scaled_out() -> Iterator[Form]:
    with servers.postgresql(durable=True) as database_url, servers.redis() as broker_url:
        yield Form(SCALED_OUT, database_url, broker_url)


def another_database(database_url: str) -> str:
    """Make one more database on a throwaway PostgreSQL server; returns its URL."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE another")
    return urlunsplit(urlsplit(database_url)._replace(path="/another"))


@contextlib.contextmanager
def nginx() -> Iterator[str]:
    """An nginx with one worker process that serves one small static page; yields its URL."""
    folder = Path(tempfile.mkdtemp(prefix="hindsight-bench-nginx-"))
    port = servers.free_port()
    (folder / "index.html").write_text(PAGE)
    (folder / "nginx.conf").write_text(_configuration(folder, port))
    command = [find_nginx(), "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        servers.wait_until(lambda: servers.answers(port), 10, "nginx answers")
        yield f"http://127.0.0.1:{port}/"
    finally:
        stop(server)
        shutil.rmtree(folder, ignore_errors=True)


def _configuration(folder: Path, port: int) -> str:
    # Started by root, nginx drops to a user who may not enter a private temporary folder: stay.
    user = f"user root {grp.getgrgid(0).gr_name};" if os.geteuid() == 0 else ""
    temporary = "".join(
        f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return f"""\
{user}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    {temporary}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        root {folder};
        types {{ text/html html; }}
    }}
}}
"""


@contextlib.contextmanager
def silent_targets(count: int) -> Iterator[list[str]]:
    """Listeners in a process of their own that accept every connection and never say a word; yields their URLs."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.silent_listeners", str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=PROJECT,
    )
    assert process.stdout
    try:
        yield [f"http://127.0.0.1:{port}/" for port in process.stdout.readline().split()]
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes] | subprocess.Popen[str], seconds: float = 20) -> None:
    """SIGTERM, and SIGKILL for what does not end in time."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
