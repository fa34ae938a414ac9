"""What several tests of incidents make."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from incidents import declaring
from incidents.models import Incident
from tests.world import World

NOW = datetime(2026, 3, 14, 9, 0, tzinfo=UTC)
PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
    b"\x00\x00\x00\rIDATx\x9cc\xf8\xff\xff?\x00\x05\xfe\x02\xfe\xa75\x81\x84\x00\x00\x00\x00IEND\xaeB`\x82"
)


def text_file(content: bytes, name: str = "log.txt") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, content_type="text/plain")


def as_file(content: bytes) -> BytesIO:
    return BytesIO(content)


def by(world: World, role: str = "responder") -> dict[str, Any]:
    """Who changes, and when."""
    return {"actor": world.actor(role), "now": NOW}


def declared(world: World, **more: Any) -> Incident:
    values = {"title": "Edge proxy answers 502", "time_zone": "Europe/Oslo", **by(world), **more}
    return declaring.declare(world.team, **values)


def signed_in(world: World, role: str = "responder") -> Client:
    client = Client()
    client.force_login(world.people[role], backend="django.contrib.auth.backends.ModelBackend")
    return client
