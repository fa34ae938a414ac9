"""What this installation itself listens on, from settings alone: no check may dial it, with or without a database."""

import socket
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

_DEFAULT_PORTS = {"redis": 6379, "rediss": 6379, "amqp": 5672, "amqps": 5671, "pyamqp": 5672}


def own_listeners() -> frozenset[tuple[str, int]]:
    """Address and port of our web server, database and broker: no check may dial those."""
    found: set[tuple[str, int]] = set()
    address, _, port = settings.LISTEN_ADDRESS.rpartition(":")
    if port.isdigit():
        found.update((each, int(port)) for each in _addresses(address))
    database: dict[str, Any] = settings.DATABASES["default"]
    if database.get("HOST") and not database["HOST"].startswith("/"):
        found.update((each, int(database.get("PORT") or 5432)) for each in _addresses(database["HOST"]))
    broker = urlsplit(settings.CELERY_BROKER_URL)
    if broker.hostname and broker.scheme in _DEFAULT_PORTS:
        found.update((each, broker.port or _DEFAULT_PORTS[broker.scheme]) for each in _addresses(broker.hostname))
    return frozenset(found)


def _addresses(host: str) -> set[str]:
    """What the host is reached at now; a name may have several addresses."""
    try:
        return {str(entry[4][0]) for entry in socket.getaddrinfo(host.strip("[]") or "0.0.0.0", None)}  # noqa: S104
    except OSError:
        return set()
