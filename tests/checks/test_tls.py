import asyncio
import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from checks.secure import name_matches
from tests.checks.listeners import answering, listening, probe, response


def certificate(
    folder: Path, names: list[str], days: float = 30, issuer: tuple[x509.Certificate, Any] | None = None
) -> tuple[Path, x509.Certificate, Any]:
    """A certificate with its key in one PEM file; without an issuer it is a root."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    common = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    alternatives: list[x509.GeneralName] = []
    for name in names:
        try:
            alternatives.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            alternatives.append(x509.DNSName(name))
    built = (
        x509.CertificateBuilder()
        .subject_name(common)
        .issuer_name(issuer[0].subject if issuer else common)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=90))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .sign(issuer[1] if issuer else key, hashes.SHA256())
    )
    path = folder / f"{names[0].strip('*.')}-{days}.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + built.public_bytes(serialization.Encoding.PEM)
    )
    return path, built, key


class Authority:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path, self.root, self.key = certificate(folder, ["test-root.example"], 3650)

    def server(self, *names: str, days: float = 30) -> ssl.SSLContext:
        path, *_ = certificate(self.folder, list(names), days, (self.root, self.key))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    made = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.path))
    return made


def shown(context: ssl.SSLContext, kind: str = "tls", expect: tuple[str, ...] = (), **parameters: Any) -> Any:
    async def run() -> Any:
        async with listening(answering(response(b"secure")), ssl=context) as port:
            if kind == "http":
                url = f"https://{parameters.pop('name', '127.0.0.1')}:{port}/"
                return await probe(kind, {"url": url, **parameters}, expect)
            return await probe(kind, {"host": "127.0.0.1", "port": port, **parameters}, expect)

    return asyncio.run(run())


def test_the_facts_of_a_good_certificate(authority: Authority):
    facts = shown(authority.server("site.example", "127.0.0.1"), expect=("chain_valid && days_left > 21",)).observation
    assert (facts["chain_valid"], facts["name_matches"], facts["issuer"]) == (True, True, "test-root.example")
    assert facts["names"] == ["127.0.0.1", "site.example"]
    assert 29.9 < facts["days_left"] <= 30
    assert facts["protocol"] == "TLSv1.3"
    assert len(facts["fingerprint_sha256"]) == 64


def test_the_name_is_judged_against_sni_else_the_host(authority: Authority):
    context = authority.server("*.site.example")
    assert shown(context).observation["name_matches"] is False
    assert shown(context, sni="a.site.example").observation["name_matches"] is True
    assert shown(context, sni="a.b.site.example").observation["name_matches"] is False


def test_an_untrusted_or_expired_certificate_is_shown_all_the_same(authority: Authority, tmp_path: Path):
    other = tmp_path / "other"
    other.mkdir()
    untrusted = shown(Authority(other).server("127.0.0.1")).observation
    assert (untrusted["chain_valid"], untrusted["name_matches"], untrusted["error"]) == (False, True, None)
    expired = shown(authority.server("127.0.0.1", days=-3), expect=("days_left > 21",))
    assert (expired.verdict, expired.observation["chain_valid"]) == ("failed", False)
    assert -3.1 < expired.observation["days_left"] < -2.9
    assert "expired" in expired.observation["chain_error"]


def test_https_verifies_unless_told_not_to(authority: Authority):
    context = authority.server("site.example")
    trusted = shown(context, "http", name="site.example", connect_to="127.0.0.1", expect=("tls.days_left > 21",))
    assert (trusted.verdict, trusted.observation["body"]) == ("passed", "secure")
    refused = shown(context, "http")
    assert (refused.verdict, refused.observation["error"]) == ("failed", "tls_error")
    assert shown(context, "http", verify_tls=False).verdict == "passed"
    assert shown(context, "http", sni="site.example").verdict == "passed"


def test_a_port_without_tls_is_a_tls_error():
    async def run() -> Any:
        async with listening(answering(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as port:
            return await probe("tls", {"host": "127.0.0.1", "port": port, "timeout_seconds": 2})

    result = asyncio.run(run())
    assert result.verdict == "failed"
    assert result.observation["error"] in ("tls_error", "read_timeout")


DIALOGUES: dict[str, list[tuple[bytes, bytes]]] = {
    "smtp": [
        (b"", b"220-mail.example\r\n220 ready\r\n"),
        (b"EHLO", b"250-mail.example\r\n250-SIZE 1\r\n250 STARTTLS\r\n"),
        (b"STARTTLS", b"220 go ahead\r\n"),
    ],
    "imap": [(b"", b"* OK ready\r\n"), (b"a1 STARTTLS", b"a1 OK begin\r\n")],
    "postgres": [(b"\x00\x00\x00\x08\x04\xd2\x16\x2f", b"S")],
}


@pytest.mark.parametrize("protocol", list(DIALOGUES))
def test_starttls(authority: Authority, protocol: str):
    context = authority.server("127.0.0.1")

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for expected, answer in DIALOGUES[protocol]:
            if expected:
                assert (await reader.read(1000)).startswith(expected)
            writer.write(answer)
            await writer.drain()
        await writer.start_tls(context)
        await reader.read()

    async def run() -> Any:
        async with listening(handler) as port:
            return await probe("tls", {"host": "127.0.0.1", "port": port, "starttls": protocol}, ("chain_valid",))

    result = asyncio.run(run())
    assert (result.verdict, result.observation["name_matches"]) == ("passed", True)


@pytest.mark.parametrize(
    ("protocol", "greeting"), [("smtp", b"554 go away\r\n"), ("imap", b"* BYE\r\n"), ("postgres", b"N")]
)
def test_a_server_that_offers_no_starttls(protocol: str, greeting: bytes):
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        await reader.read()

    async def run() -> Any:
        async with listening(handler) as port:
            return await probe("tls", {"host": "127.0.0.1", "port": port, "starttls": protocol})

    assert asyncio.run(run()).observation["error"] == "protocol_error"


@pytest.mark.parametrize(
    ("names", "host", "matches"),
    [
        (("a.example",), "A.Example.", True),
        (("*.example.org",), "www.example.org", True),
        (("*.example.org",), "example.org", False),
        (("*.org",), "example.org", False),
        (("127.0.0.1",), "127.0.0.1", True),
        (("a.example",), "b.example", False),
        ((), "a.example", False),
    ],
)
def test_names_and_wildcards(names: tuple[str, ...], host: str, matches: bool):
    assert name_matches(names, host) is matches
