"""Taking a pasted secret out of everything that an incident has written, and of what was made from it.

The audit log needs none of it: it holds digests of long texts, never the texts. The redaction is an event itself,
which says how many places there were and not what stood there.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.files.storage import default_storage
from django.db import models, transaction
from django.db.models import F, Q

from incidents import changes
from incidents.models import (
    ActionItem,
    Attachment,
    ContributingFactor,
    Evidence,
    Export,
    Hypothesis,
    Incident,
    PostmortemSection,
    SectionRevision,
    SilentCheck,
    StepOrigin,
    TimelineEntry,
    TimestampOverride,
)
from notifications.models import Message
from runbooks.models import CheckDefinition, ChecklistStep, CheckRun, RunbookVersion
from teams.access import may
from teams.actors import Actor
from teams.models import Versioned
from teams.refusals import Refused
from teams.roles import Role

logger = logging.getLogger(__name__)

REPLACEMENT = "[redacted]"
FEWEST_CHARACTERS = 6
READABLE_TYPES = ("text/plain", "application/json")


@dataclass(frozen=True)
class Place:
    """A kind of row, which of them, and their texts. `json_fields` are searched through all their strings."""

    label: str
    rows: models.QuerySet[Any]
    text_fields: tuple[str, ...] = ()
    json_fields: tuple[str, ...] = ()


@dataclass(frozen=True)
class Found:
    """How many rows of a kind hold the secret."""

    label: str
    count: int


def preview(incident: Incident, secret: str) -> list[Found]:
    """How many rows of each kind would be changed; kinds without any are left out. Raises `Refused`."""
    secret = checked_secret(secret)
    found = [Found(place.label, sum(1 for _ in _holders(place, secret))) for place in _places(incident)]
    found.append(Found("attached files (deleted)", len(_files_with(incident, secret))))
    found.append(Found("exported documents (deleted)", incident.exports.count()))
    return [each for each in found if each.count]


def redact(incident: Incident, secret: str, *, actor: Actor, now: datetime) -> list[Found]:
    """Replace the secret everywhere, in one transaction; files go after it. Returns what was changed.

    Rows that were changed count their version up: whoever has an old text open gets a conflict and cannot save the
    secret back. Raises `Refused` below the role maintainer.
    """
    if actor.user is None or not may(actor.user, incident.team, Role.MAINTAINER):
        raise Refused("Redacting needs the role maintainer or higher.")
    secret = checked_secret(secret)
    changed = []
    with transaction.atomic():
        for place in _places(incident):
            count = 0
            for row, values in _holders(place, secret):
                if isinstance(row, Versioned):
                    values = {**values, "version": F("version") + 1}
                type(row)._default_manager.filter(pk=row.pk).update(**values)
                count += 1
            changed.append(Found(place.label, count))
        attachments = _files_with(incident, secret)
        exports = list(incident.exports.all())
        files = [str(row.file.name) for row in attachments] + [str(row.file.name) for row in exports if row.file]
        Attachment.objects.filter(pk__in=[row.pk for row in attachments]).delete()
        Export.objects.filter(pk__in=[row.pk for row in exports]).delete()
        changed.append(Found("attached files (deleted)", len(attachments)))
        changed.append(Found("exported documents (deleted)", len(exports)))
        changed = [each for each in changed if each.count]
        total = sum(each.count for each in changed)
        changes.record(
            incident,
            "incident.redacted",
            f"A secret was redacted in {total} place{'' if total == 1 else 's'}",
            actor=actor,
            now=now,
            after={each.label: each.count for each in changed},
        )
        transaction.on_commit(lambda: _delete_files(files), robust=True)
    return changed


def checked_secret(secret: str) -> str:
    """The secret as it is searched for. Raises `Refused` when it is too short to be one."""
    # A browser sends the lines of a textarea with CR LF; texts are kept with LF.
    secret = secret.replace("\x00", "").replace("\r\n", "\n").strip()
    if len(secret) < FEWEST_CHARACTERS:
        raise Refused(
            f"Paste at least {FEWEST_CHARACTERS} characters: a shorter piece would be cut out of ordinary words.",
            "secret",
        )
    if secret in REPLACEMENT:
        raise Refused("This is the mark that redaction leaves; it is no secret.", "secret")
    return secret


def _places(incident: Incident) -> list[Place]:
    own = {"incident": incident}
    origins = StepOrigin.objects.filter(action_item__incident=incident)
    steps = ChecklistStep.objects.filter(
        step_key__in=origins.values("step_key"), maintenance__runbook_version__runbook__in=origins.values("runbook")
    )
    return [
        Place("head", Incident.objects.filter(pk=incident.pk), ("title", "summary")),
        Place("timeline entries", TimelineEntry.objects.filter(**own), ("text", "as_written", "source_detail")),
        Place("sections", PostmortemSection.objects.filter(**own), ("body", "title")),
        Place("revisions of sections", SectionRevision.objects.filter(section__incident=incident), ("body",)),
        Place("contributing factors", ContributingFactor.objects.filter(**own), ("text",)),
        Place("hypotheses", Hypothesis.objects.filter(**own), ("statement",)),
        Place("evidence", Evidence.objects.filter(hypothesis__incident=incident), ("text",)),
        Place("silent checks", SilentCheck.objects.filter(**own), ("name", "detail")),
        Place("corrections of timestamps", TimestampOverride.objects.filter(**own), ("reason",)),
        Place("actions", ActionItem.objects.filter(**own), ("text", "reason", "ticket_url")),
        Place("names of attachments", Attachment.objects.filter(**own), ("name",)),
        Place("messages", Message.objects.filter(team=incident.team), ("subject", "body")),
        Place(
            "runbook versions",
            RunbookVersion.objects.filter(runbook__in=origins.values("runbook")),
            ("note",),
            ("content",),
        ),
        Place("checklist steps", steps, ("title", "instructions", "note", "reason"), ("origins",)),
        Place(
            "checks of checklist steps",
            CheckDefinition.objects.filter(checklist_step__in=steps),
            ("name",),
            ("parameters", "expect", "expect_run", "variables"),
        ),
        Place("cited check runs", CheckRun.objects.filter(pins__cited_by=incident.key), ("reason",), ("result",)),
    ]


def _holders(place: Place, secret: str) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Rows that hold the secret, with the values that replace it."""
    rows = place.rows
    if not place.json_fields:
        # Narrowed by the database; the case is checked below, as SQLite's LIKE takes none.
        wanted = Q()
        for name in place.text_fields:
            wanted |= Q(**{f"{name}__contains": secret})
        rows = rows.filter(wanted)
    for row in rows.iterator(chunk_size=200):
        values = {
            name: new
            for name in (*place.text_fields, *place.json_fields)
            if (new := _fitting(row, name, replaced(getattr(row, name), secret))) != getattr(row, name)
        }
        if values:
            yield row, values


def replaced(value: Any, secret: str) -> Any:
    """The value with the secret taken out of every string in it, names of members included."""
    if isinstance(value, str):
        return value.replace(secret, REPLACEMENT)
    if isinstance(value, list):
        return [replaced(each, secret) for each in value]
    if isinstance(value, dict):
        return {replaced(name, secret): replaced(each, secret) for name, each in value.items()}
    return value


def _fitting(row: models.Model, name: str, value: Any) -> Any:
    """The mark may be longer than the secret: a text is cut where its column ends."""
    most = getattr(row._meta.get_field(name), "max_length", None)
    return value[:most] if most and isinstance(value, str) else value


def _files_with(incident: Incident, secret: str) -> list[Attachment]:
    """Attached texts that hold the secret. Pictures and archives cannot be searched; the page says so."""
    found = []
    for attachment in incident.attachments.filter(content_type__in=READABLE_TYPES):
        if not default_storage.exists(str(attachment.file.name)):
            continue
        with attachment.file.open("rb") as file:
            if secret.encode() in file.read().replace(b"\r\n", b"\n"):
                found.append(attachment)
    return found


def _delete_files(names: list[str]) -> None:
    """The rows are gone already: a file that cannot be deleted is logged by name, and the others go all the same."""
    for name in names:
        try:
            default_storage.delete(name)
        except OSError:
            logger.exception("redaction: the file %s could not be deleted and may still hold the secret", name)
