"""TLS for probes: contexts made once, and what a certificate says."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from os import environ
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

from checks.egress import parse_address
from checks.observations import TargetFailure


def client_context(*, verify: bool, check_hostname: bool = True, alpn: bool = True) -> ssl.SSLContext:
    """Roots are the system's plus, when set, SSL_CERT_FILE's. `alpn` offers http/1.1."""
    extra_file, extra_directory = environ.get("SSL_CERT_FILE"), environ.get("SSL_CERT_DIR")
    return _context(verify, verify and check_hostname, alpn, extra_file, extra_directory)


@lru_cache(maxsize=16)
def _context(
    verify: bool, check_hostname: bool, alpn: bool, extra_file: str | None, extra_directory: str | None
) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = check_hostname
    context.verify_mode = ssl.CERT_REQUIRED if verify else ssl.CERT_NONE
    if alpn:
        context.set_alpn_protocols(["http/1.1"])
    if verify:
        context.load_default_certs()
        if extra_file or extra_directory:
            # OpenSSL lets SSL_CERT_FILE stand in for its own roots; here it adds to them.
            paths = ssl.get_default_verify_paths()
            for kind, path in (("cafile", paths.openssl_cafile), ("capath", paths.openssl_capath)):
                _load_if_there(context, kind, path)
    return context


def _load_if_there(context: ssl.SSLContext, kind: str, path: str) -> None:
    try:
        context.load_verify_locations(**{kind: path})
    except (OSError, ssl.SSLError):
        return  # The system keeps no roots there.


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What a leaf certificate says; `names` are its subject alternative names, sorted."""

    not_after: datetime
    names: tuple[str, ...]
    issuer: str
    fingerprint_sha256: str


def certificate_facts(der: bytes) -> CertificateFacts:
    """Raises TargetFailure("tls_error") for what cannot be read as a certificate."""
    try:
        return _certificate_facts(der)
    except Exception as error:  # The parser has many ways to refuse what a hostile server sends.
        raise TargetFailure("tls_error", f"the certificate cannot be read: {str(error)[:200]}") from error


@lru_cache(maxsize=128)
def _certificate_facts(der: bytes) -> CertificateFacts:
    certificate = x509.load_der_x509_certificate(der)
    names: list[str] = []
    # What OpenSSL lets through and the parser does not read (a broken or doubled extension) names nobody.
    try:
        alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType, ValueError):
        pass
    else:
        names.extend(alternative.get_values_for_type(x509.DNSName))
        names.extend(str(ip) for ip in alternative.get_values_for_type(x509.IPAddress))
    common = certificate.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)
    issuer = str(common[0].value) if common else certificate.issuer.rfc4514_string()
    return CertificateFacts(
        certificate.not_valid_after_utc, tuple(sorted(names)), issuer, certificate.fingerprint(hashes.SHA256()).hex()
    )


def name_matches(names: tuple[str, ...], host: str) -> bool:
    """RFC 6125: by subject alternative names only; a wildcard stands for exactly the leftmost label."""
    address = parse_address(host)
    if address is not None:
        return any(parse_address(name) == address for name in names)
    wanted = host.rstrip(".").lower()
    _, _, parent = wanted.partition(".")
    for name in names:
        pattern = name.rstrip(".").lower()
        if pattern == wanted:
            return True
        if pattern.startswith("*.") and parent and "." in parent and pattern[2:] == parent:
            return True
    return False


def tls_facts(ssl_object: ssl.SSLObject, now: datetime) -> dict[str, Any]:
    """The observation's `tls` part of an open TLS connection."""
    facts: dict[str, Any] = {"protocol": ssl_object.version(), "cipher": (ssl_object.cipher() or ("",))[0]}
    der = ssl_object.getpeercert(binary_form=True)
    if der:
        certificate = certificate_facts(der)
        facts |= {
            "days_left": days_left(certificate.not_after, now),
            "not_after": certificate.not_after.isoformat(),
            "names": list(certificate.names),
            "issuer": certificate.issuer,
            "fingerprint_sha256": certificate.fingerprint_sha256,
        }
    return facts


def days_left(not_after: datetime, now: datetime) -> float:
    """Days, with fraction, until the certificate ends; negative when it has."""
    return round((not_after - now.astimezone(UTC)).total_seconds() / 86_400, 3)
