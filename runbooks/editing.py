"""Make runbooks and new versions of them. A version never changes; whatever is edited becomes a new one.

Every function raises InvalidRunbook when the document does not make sense, with nothing written.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.text import slugify

from runbooks.document import RunbookDocument
from runbooks.models import Runbook, RunbookVersion
from runbooks.validation import require_valid
from runbooks.variables import PLACEHOLDER
from runbooks.yaml_format import dump
from teams import audit
from teams.actors import Actor
from teams.models import Service, Team
from teams.refusals import Refused
from teams.versions import save_if_unchanged

MAX_VERSION_NOTE = 200
MAX_TITLE = 200
_UNCHANGED_LINES = 3


def create_runbook(
    team: Team,
    document: RunbookDocument,
    *,
    actor: Actor,
    now: datetime,
    slug: str = "",
    services: Sequence[Service] = (),
    note: str = "",
) -> Runbook:
    """A new runbook with its first version. Without a slug one is made of the title; a taken one gets a number."""
    require_valid(document)
    with transaction.atomic():
        Team.objects.select_for_update().get(pk=team.pk)  # two of one title get two addresses
        free = _free_slug(team, slug or slugify(readable_title(document.title)) or "runbook")
        runbook = Runbook.objects.create(team=team, slug=free, title=readable_title(document.title))
        runbook.services.set(services)
        runbook.current = _write_version(runbook, 1, document, note, actor, now)
        runbook.save(update_fields=["current"])
        _record(runbook, "created", f"Created runbook {runbook.slug}", actor, now, version=1)
    return runbook


def save_version(
    runbook: Runbook,
    document: RunbookDocument,
    *,
    expected_version: int,
    actor: Actor,
    now: datetime,
    note: str = "",
) -> RunbookVersion:
    """Write the document as the runbook's next version. `expected_version` is `Runbook.version` as it was read.

    A document equal to the current one writes nothing and gives the current version. Raises
    `teams.versions.EditConflict` when somebody saved in between.
    """
    require_valid(document)
    current = runbook.current
    if (
        current is not None
        and runbook.version == expected_version
        and current.content == document.model_dump(mode="json")
    ):
        return current
    with transaction.atomic():
        last = runbook.versions.order_by("-number").values_list("number", flat=True).first() or 0
        # The version row first: its unique number also stops a second writer. The guarded UPDATE tells who was first.
        title = readable_title(document.title)
        save_if_unchanged(runbook, expected_version, title=title)
        version = _write_version(runbook, last + 1, document, note, actor, now)
        Runbook.objects.filter(pk=runbook.pk).update(current=version)
        runbook.current = version
        summary = f"Saved version {version.number} of runbook {runbook.slug}"
        _record(runbook, "saved", summary, actor, now, version=version.number)
    return version


def copy_runbook(runbook: Runbook, *, actor: Actor, now: datetime) -> Runbook:
    """A second runbook of the team, as the current version stands."""
    assert runbook.current is not None
    document = runbook.current.document
    mark = " (copy)"
    # Too long a title is cut before a placeholder, never within one.
    title = document.title[: MAX_TITLE - len(mark)]
    title = title[: title.rindex("{{")] if title.count("{{") > title.count("}}") else title
    title = f"{title.strip()}{mark}".strip()
    return create_runbook(
        runbook.team,
        document.model_copy(update={"title": title}),
        actor=actor,
        now=now,
        slug=f"{runbook.slug[:70]}-copy",
        services=list(runbook.services.all()),
        note=f"Copied from {runbook.slug} version {runbook.current.number}",
    )


def archive(runbook: Runbook, *, actor: Actor, now: datetime) -> None:
    """Take the runbook out of lists and plans. Its checklists stay as they are; `unarchive` undoes it."""
    with transaction.atomic():
        if not Runbook.objects.filter(pk=runbook.pk, archived_at=None).update(archived_at=now):
            raise Refused("This runbook is archived already.")
        runbook.archived_at = now
        _record(runbook, "archived", f"Archived runbook {runbook.slug}", actor, now)


def unarchive(runbook: Runbook, *, actor: Actor, now: datetime) -> None:
    with transaction.atomic():
        if not Runbook.objects.filter(pk=runbook.pk, archived_at__isnull=False).update(archived_at=None):
            raise Refused("This runbook is not archived.")
        runbook.archived_at = None
        _record(runbook, "unarchived", f"Brought back runbook {runbook.slug}", actor, now)


def readable_title(title: str) -> str:
    """A runbook's title without braces: Move {{ hostname }} → Move (hostname)."""
    return PLACEHOLDER.sub(lambda match: f"({match[1].replace('_', ' ')})", title)[:200]


@dataclass(frozen=True)
class DiffLine:
    kind: str
    """same, added, removed, or skip (then `text` says how many lines are left out)."""
    text: str


def diff(older: RunbookDocument, newer: RunbookDocument) -> list[DiffLine]:
    """What changed between two versions, as lines of their YAML with a little of what stands around."""
    before, after = dump(older).splitlines(), dump(newer).splitlines()
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    lines: list[DiffLine] = []
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "equal":
            lines += _context(before[i1:i2], is_first=i1 == 0, is_last=i2 == len(before))
            continue
        lines += [DiffLine("removed", text) for text in before[i1:i2]]
        lines += [DiffLine("added", text) for text in after[j1:j2]]
    return lines


def _context(same: list[str], *, is_first: bool, is_last: bool) -> Iterator[DiffLine]:
    head = 0 if is_first else _UNCHANGED_LINES
    tail = 0 if is_last else _UNCHANGED_LINES
    if len(same) <= head + tail + 1:
        yield from (DiffLine("same", text) for text in same)
        return
    yield from (DiffLine("same", text) for text in same[:head])
    yield DiffLine("skip", f"{len(same) - head - tail} unchanged lines")
    yield from (DiffLine("same", text) for text in same[len(same) - tail :])


def _free_slug(team: Team, wanted: str) -> str:
    wanted = wanted[:70].strip("-")
    taken = set(Runbook.objects.filter(team=team, slug__startswith=wanted).values_list("slug", flat=True))
    number, slug = 1, wanted
    while slug in taken:
        number += 1
        slug = f"{wanted}-{number}"
    return slug


def _write_version(
    runbook: Runbook, number: int, document: RunbookDocument, note: str, actor: Actor, now: datetime
) -> RunbookVersion:
    return RunbookVersion.objects.create(
        runbook=runbook,
        number=number,
        content=document.model_dump(mode="json"),
        note=" ".join(note.replace("\x00", "").split())[:MAX_VERSION_NOTE],
        author=actor.user,
        created_at=now,
    )


def subject_of(runbook: Runbook) -> str:
    """Under what the audit log keeps a runbook's history."""
    return f"runbook:{runbook.pk}"


def _record(runbook: Runbook, what: str, summary: str, actor: Actor, now: datetime, version: int | None = None) -> None:
    audit.record(
        f"runbook.{what}",
        actor=actor,
        subject=subject_of(runbook),
        summary=summary,
        now=now,
        team=runbook.team,
        after={"version": version} if version is not None else None,
    )
