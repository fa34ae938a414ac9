"""The reverse proxy of docs/deployment.md, as it stands there, in front of a real gunicorn."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.servers import PROJECT_FOLDER, answers, free_port, wait_until

HOST = "hindsight.example.org"
pytestmark = pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")


def test_the_documented_proxy_serves_the_site(tmp_path: Path) -> None:
    site, secure, plain = free_port(), free_port(), free_port()
    configuration = written_configuration(tmp_path, site, secure, plain)
    checked = subprocess.run(
        ["nginx", "-t", "-c", str(configuration), "-p", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
    assert "[warn]" not in checked.stderr
    with gunicorn(tmp_path, site), process(["nginx", "-c", str(configuration), "-p", str(tmp_path)], {}, secure):
        page = get(secure, "/accounts/login/", tls=True)
        assert page.status == 302, "an empty installation leads to its first admin, without a redirect to https again"
        assert page.headers["Location"] == "/welcome/"
        welcome = get(secure, "/welcome/", tls=True)
        assert welcome.status == 200
        assert welcome.headers["Strict-Transport-Security"].startswith("max-age=31536000")
        assert "__Host-csrftoken" in welcome.headers["Set-Cookie"]
        assert get(secure, "/healthz", tls=True).status == 200
        assert get(secure, "/healthz", tls=True, headers={"X-Forwarded-Proto": "http"}).status == 200, "overwritten"
        elsewhere = get(plain, "/incidents/?page=2", tls=False)
        assert (elsewhere.status, elsewhere.headers["Location"]) == (301, f"https://{HOST}/incidents/?page=2")
        past_the_proxy = get(site, "/welcome/", tls=False)
        assert (past_the_proxy.status, past_the_proxy.headers["Location"]) == (301, f"https://{HOST}/welcome/")


def written_configuration(folder: Path, site: int, secure: int, plain: int) -> Path:
    """The guide's server blocks with our ports and key, in the smallest frame that nginx needs."""
    found = re.search(r"```nginx\n(.+?)```", (PROJECT_FOLDER / "docs" / "deployment.md").read_text(), re.DOTALL)
    assert found is not None
    make_certificate(folder)
    servers = found[1]
    for written, ours in (
        ("listen 443", f"listen 127.0.0.1:{secure}"),
        ("listen 80", f"listen 127.0.0.1:{plain}"),
        ("127.0.0.1:8000", f"127.0.0.1:{site}"),
        ("/etc/ssl/", f"{folder}/"),
    ):
        assert written in servers
        servers = servers.replace(written, ours)
    scratch = "\n".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    path = folder / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    path.write_text(
        f"{user}\ndaemon off;\npid {folder}/nginx.pid;\nerror_log {folder}/error.log;\nevents {{}}\n"
        f"http {{\naccess_log {folder}/access.log;\n{scratch}\n{servers}\n}}\n"
    )
    return path


def make_certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "hindsight.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "hindsight.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


@contextmanager
def gunicorn(folder: Path, port: int) -> Iterator[None]:
    unwanted = ("DATABASE_URL", "CELERY_BROKER_URL", "DEBUG")
    environment = {name: value for name, value in os.environ.items() if name not in unwanted} | {
        "STATE_DIR": str(folder / "state"),
        "PUBLIC_URL": f"https://{HOST}",
        "BEHIND_PROXY": "1",
        "PLAIN_STATIC": "1",
    }
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0"], env=environment, cwd=PROJECT_FOLDER, check=True
    )
    command = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "config.wsgi:application"]
    with process([*command, "--no-control-socket"], environment, port):
        yield


@contextmanager
def process(command: list[str], environment: dict[str, str], port: int) -> Iterator[None]:
    started = subprocess.Popen(command, env=environment or None, cwd=PROJECT_FOLDER)
    try:
        wait_until(lambda: answers(port), 30, f"{command[0]} listens")
        yield
    finally:
        started.terminate()
        started.wait(20)


def get(port: int, path: str, *, tls: bool, headers: dict[str, str] | None = None) -> http.client.HTTPResponse:
    """As a browser that was sent to the site: its name in Host, whatever the port."""
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE  # the certificate was made a second ago
    connection = (
        http.client.HTTPSConnection("127.0.0.1", port, timeout=20, context=trusting)
        if tls
        else http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    )
    connection.request("GET", path, headers={"Host": HOST, **(headers or {})})
    answer = connection.getresponse()
    answer.read()
    return answer
