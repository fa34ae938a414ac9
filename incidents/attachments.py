"""Files of an incident: known by their content, limited in size and number, kept once."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from datetime import datetime
from typing import IO

from django.conf import settings
from django.core.files.base import ContentFile
from django.db import transaction

from incidents import changes
from incidents.models import Attachment, Incident, TimelineEntry
from teams.actors import Actor
from teams.refusals import Refused

MOST_ATTACHMENTS = 200
PICTURE_TYPES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
ENDINGS = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/gif": ".gif",
    "image/webp": ".webp",
    "application/pdf": ".pdf",
    "application/zip": ".zip",
    "application/json": ".json",
    "text/plain": ".txt",
}
ALLOWED = "PNG, JPEG, GIF and WebP pictures, PDF, ZIP, JSON and plain text in UTF-8"


def content_type_of(content: bytes) -> str | None:
    """What the bytes are, by their first ones; None for what is not allowed. What a browser claims counts nothing."""
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    if content.startswith(b"%PDF-"):
        return "application/pdf"
    if content.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "application/zip"
    return _text_type(content)


def attach(
    incident: Incident,
    file: IO[bytes],
    name: str,
    *,
    actor: Actor,
    now: datetime,
    entry: TimelineEntry | None = None,
) -> Attachment:
    """Keep a file. The same content twice in an incident is one attachment. Raises `Refused`, naming the file."""
    name = safe_name(name)
    content = file.read(settings.ATTACHMENT_MAX_BYTES + 1)
    if not content:
        raise Refused(f"{name} is empty.", "file")
    if len(content) > settings.ATTACHMENT_MAX_BYTES:
        most = settings.ATTACHMENT_MAX_BYTES // (1024 * 1024)
        raise Refused(f"{name} is larger than {most} MB. Attach a smaller file, or link to where it lies.", "file")
    content_type = content_type_of(content)
    if content_type is None:
        raise Refused(f"{name} is none of the kinds that can be attached: {ALLOWED}.", "file")
    if entry is not None and entry.incident_id != incident.pk:
        raise Refused("That entry belongs to another incident.", "entry")
    digest = hashlib.sha256(content).hexdigest()
    with transaction.atomic():
        existing = incident.attachments.filter(sha256=digest, deleted_at=None, entry=entry).first()
        if existing is not None:
            return existing
        if incident.attachments.filter(deleted_at=None).count() >= MOST_ATTACHMENTS:
            raise Refused(f"{incident.key} has {MOST_ATTACHMENTS} attachments already; remove some first.", "file")
        attachment = Attachment(
            incident=incident,
            entry=entry,
            name=name,
            content_type=content_type,
            size_bytes=len(content),
            sha256=digest,
            uploaded_by=actor.user,
            created_at=now,
        )
        # The stored name says nothing and ends as the content does; the person's name is kept in the row only.
        attachment.file.save(f"{digest[:32]}{ENDINGS[content_type]}", ContentFile(content), save=False)
        attachment.save(force_insert=True)
        changes.record(
            incident,
            "attachment.added",
            f"Attachment {attachment.pk} added: {content_type}, {len(content):,} bytes",
            actor=actor,
            now=now,
            after={"sha256": digest, "content_type": content_type, "size_bytes": len(content)},
        )
    return attachment


def safe_name(name: str) -> str:
    """A file name without folders, control and direction characters, at most 120 characters."""
    name = name.replace("\\", "/").rsplit("/", 1)[-1]
    name = "".join(char for char in name if unicodedata.category(char)[0] != "C")
    name = re.sub(r"[\"<>|:*?\[\]()]+", "_", name).strip(" .")
    return name[-120:] or "file"


def markdown_of(attachment: Attachment) -> str:
    """How a text shows or links it."""
    path = f"/incidents/{attachment.incident.key}/attachments/{attachment.pk}/"
    return f"{'!' if attachment.content_type in PICTURE_TYPES else ''}[{attachment.name}]({path})"


def _text_type(content: bytes) -> str | None:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    if any(unicodedata.category(char) == "Cc" and char not in "\t\n\r\f\x1b" for char in text):
        return None
    if text.lstrip()[:1] in ("{", "["):
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            return "text/plain"
        return "application/json"
    return "text/plain"
