"""The URLs that people type, split and checked once, before anything is dialled."""

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, urljoin, urlsplit

import idna

from checks.egress import parse_address

_CONTROL = re.compile(r"[\x00-\x20\x7f]")
_HOST_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
# RFC 3986 reserved and unreserved characters and the percent sign stay as typed; the rest is percent-encoded.
_KEPT = "!#$%&'()*+,/:;=?@[]~-._"


MAXIMUM_URL_CHARACTERS = 8_192
MAXIMUM_HOST_CHARACTERS = 253


@dataclass(frozen=True, slots=True)
class Target:
    """A URL ready to dial: `host` in ASCII without brackets, `authority` as a Host header, `path` with its query."""

    scheme: str
    host: str
    port: int
    authority: str
    path: str
    url: str

    @property
    def is_encrypted(self) -> bool:
        return self.scheme in ("https", "wss")

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.scheme, self.host, self.port

    def joined(self, location: str, schemes: tuple[str, ...]) -> "Target":
        """Where a Location header leads (RFC 9110, 10.2.2). Raises ValueError."""
        if len(location) > MAXIMUM_URL_CHARACTERS:
            raise ValueError(f"is longer than {MAXIMUM_URL_CHARACTERS} characters")
        try:
            url = urljoin(self.url, location.strip())
        except ValueError as error:
            raise ValueError(f"is not a URL: {error}") from error
        return _split(url, schemes)  # Not remembered: the target decides what it sends.


@lru_cache(maxsize=1024)
def split_url(url: str, schemes: tuple[str, ...]) -> Target:
    """Raises ValueError that says what is wrong with the URL."""
    return _split(url, schemes)


def _split(url: str, schemes: tuple[str, ...]) -> Target:
    if len(url) > MAXIMUM_URL_CHARACTERS:
        raise ValueError(f"is longer than {MAXIMUM_URL_CHARACTERS} characters")
    if _CONTROL.search(url):
        raise ValueError("has a space, line break or control character in it")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"is not a URL: {error}") from error
    scheme = parts.scheme.lower()
    if scheme not in schemes:
        raise ValueError(f"must begin with {' or '.join(f'{known}://' for known in schemes)}")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not hold a user name or password; send an Authorization header")
    if not parts.hostname:
        raise ValueError("names no host")
    if port == 0:
        raise ValueError("has port 0")
    host = ascii_host(parts.hostname)
    shown = f"[{host}]" if ":" in host else host
    authority = shown if port is None else f"{shown}:{port}"
    path = quote(parts.path or "/", safe=_KEPT)
    if parts.query:
        path += "?" + quote(parts.query, safe=_KEPT)
    clean = f"{scheme}://{authority}{path}"
    return Target(scheme, host, port or _DEFAULT_PORTS[scheme], authority, path, clean)


def ascii_host(host: str) -> str:
    """A host name in its ASCII form (IDNA 2008 after UTS 46), or an address in its plain spelling.

    Raises ValueError that says what is wrong.
    """
    if len(host) > MAXIMUM_HOST_CHARACTERS + 1:
        raise ValueError(f"host {host[:80]!r}… is longer than {MAXIMUM_HOST_CHARACTERS} characters")
    return _ascii_host(host)


@lru_cache(maxsize=4096)
def _ascii_host(host: str) -> str:
    if not host or _CONTROL.search(host):
        raise ValueError("names no valid host")
    address = parse_address(host)
    if address is not None:
        return str(address)
    name = host.removesuffix(".").lower()
    if not name.isascii():
        try:
            name = idna.encode(name, uts46=True).decode("ascii")
        except (idna.IDNAError, UnicodeError, IndexError) as error:
            raise ValueError(f"host {host!r} is no internationalised name: {error}") from error
    labels = name.split(".")
    if len(name) > MAXIMUM_HOST_CHARACTERS or not all(_HOST_LABEL.fullmatch(label) for label in labels):
        raise ValueError(f"host {host!r} is not a host name")
    if labels[-1].isdigit() or re.fullmatch(r"0x[0-9a-f]*", labels[-1]):
        raise ValueError(f"host {host!r} is neither a host name nor an address")
    return name
