import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from checks.command_line import main

PROJECT = Path(__file__).resolve().parents[2]


class _Site(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({"seen": self.headers.get("X-Seen", "")}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def command(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`manage.py probe`, with a database that cannot be reached."""
    settings = {**os.environ, "EGRESS_ZONES": "", "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none", **environment}
    return subprocess.run(
        [sys.executable, "manage.py", "probe", *words],
        cwd=PROJECT,
        env=settings,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_passed_is_0_and_json_is_one_object_as_the_contract_says(site: str):
    done = command(
        "http", site, 'headers={"X-Seen": "a, b"}', "--expect", "json.seen == vars.seen[0]",
        "--var", 'seen=["a, b"]', "--expect-run", "attempts == 3", "--repeat", "3", "--json", "--zone", "127.0.0.0/8",
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    result = json.loads(done.stdout)
    assert list(result) == [
        "kind", "target", "verdict", "reason", "attempts", "failures", "failure_rate", "failure_rate_interval",
        "expectations", "observation", "observations",
    ]  # fmt: skip
    assert (result["kind"], result["target"], result["verdict"], result["attempts"]) == ("http", site, "passed", 3)
    assert [(one["scope"], one["passed"], one["failures"]) for one in result["expectations"]] == [
        ("attempt", True, 0),
        ("run", True, 0),
    ]


def test_failed_is_1_and_the_zone_may_come_from_the_environment(site: str):
    done = command("http", site, "--expect", "status == 404", EGRESS_ZONES="10.0.0.0/8, 127.0.0.0/8")
    assert done.returncode == 1
    assert "status = 200" in done.stdout


def test_a_refused_address_is_2_and_says_what_would_allow_it(site: str):
    done = command("http", site)
    assert done.returncode == 2
    assert "127.0.0.1 is loopback and in no zone of this team" in done.stderr
    assert "--zone 127.0.0.0/8" in done.stderr


@pytest.mark.parametrize("setting", ["LISTEN_ADDRESS", "DATABASE_URL", "CELERY_BROKER_URL"])
def test_what_the_installation_itself_listens_on_is_refused_in_any_zone(site: str, setting: str):
    place = site.removeprefix("http://").rstrip("/")
    value = {
        "LISTEN_ADDRESS": place,
        "DATABASE_URL": f"postgres://u:p@{place}/d",
        "CELERY_BROKER_URL": f"redis://{place}",
    }
    done = command("http", site, "--zone", "127.0.0.0/8", **{setting: value[setting]})
    assert done.returncode == 2
    assert "is a service of this installation" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["http"], "TARGET"),
        (["htpp", "http://h/"], "htpp"),
        (["http", "http://h/", "timeout_seconds"], "timeout_seconds"),
        (["http", "http://h/", "timout=3"], "timout"),
        (["http", "http://h/", "timeout_seconds=3", "timeout_seconds=4"], "given twice"),
        (["http", "http://h/", "url=http://x/"], "given twice"),
        (["http", "http://h/", "headers={broken"], "headers"),
        (["tls", "host.example", "port=99999"], "port"),
        (["tcp", "host.example"], "port is missing"),
        (["http", "http://h/", "--repeat", "many"], "--repeat"),
        (["http", "http://h/", "--repeat", "0"], "repeat"),
        (["http", "http://h/", "--zone", "10.0.0.0/33"], "10.0.0.0/33"),
        (["http", "http://h/", "--expect", "status =="], "character"),
        (["http", "http://h/", "--expect", "stattus == 3"], "stattus"),
    ],
)
def test_bad_words_are_2_with_a_message_and_no_traceback(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("EGRESS_ZONES", raising=False)
    try:
        code = main(words)
    except SystemExit as stopped:
        code = int(stopped.code or 0)
    shown = capsys.readouterr()
    assert (code, shown.out) == (2, "")
    assert said in shown.err
    assert "Traceback" not in shown.err


def test_tls_and_tcp_take_the_host_as_target(capsys: pytest.CaptureFixture[str]):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert main(["tcp", "127.0.0.1", f"port={port}", "--zone", "127.0.0.1", "--expect", "connected"]) == 0
    assert "passed" in capsys.readouterr().out
