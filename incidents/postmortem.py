"""Writing the postmortem: sections, revisions with differences, and what is still missing."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from incidents import changes
from incidents.changes import check_text
from incidents.figures import Figures
from incidents.models import (
    ActionItem,
    ContributingFactor,
    Incident,
    PostmortemSection,
    PostmortemState,
    SectionRevision,
)
from incidents.sections import BY_KEY
from teams import audit
from teams.actors import Actor
from teams.refusals import Refused
from teams.versions import save_if_unchanged

CONTEXT_LINES = 3


def save_section(
    section: PostmortemSection, expected_version: int, body: str, *, actor: Actor, now: datetime
) -> SectionRevision | None:
    """Save a section's text as a new revision; None when nothing changed.

    Raises `Refused` (too long, already published), or `EditConflict` when somebody else saved meanwhile.
    """
    incident = section.incident
    if incident.postmortem_state == PostmortemState.PUBLISHED:
        raise Refused("This postmortem is published; its text stands as it is.", "body")
    body = check_text(body, "body", required=False, what=f"The section “{section.title}”")
    if body == section.body and expected_version == section.version:
        return None
    before = audit.free_text(section.body)
    with transaction.atomic():
        save_if_unchanged(section, expected_version, body=body)
        revision = SectionRevision.objects.create(
            section=section, version=section.version, body=body, author=actor.user, at=now
        )
        changes.record(
            incident,
            "section.saved",
            f"Section {section.title} saved, revision {section.version}",
            actor=actor,
            now=now,
            before=before,
            after=audit.free_text(body),
        )
    return revision


@dataclass(frozen=True)
class DiffLine:
    """One line of a comparison. kind: same, added, removed, skipped."""

    kind: str
    text: str


def difference(old: str, new: str) -> list[DiffLine]:
    """The lines of both texts, stretches that are the same folded down to three lines of context."""
    one, other = old.splitlines(), new.splitlines()
    lines: list[DiffLine] = []
    for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(a=one, b=other, autojunk=False).get_opcodes():
        if tag == "equal":
            lines += _folded([DiffLine("same", text) for text in one[i1:i2]], first=i1 == 0, last=i2 == len(one))
            continue
        lines += [DiffLine("removed", text) for text in one[i1:i2]]
        lines += [DiffLine("added", text) for text in other[j1:j2]]
    return lines


def missing_things(
    incident: Incident,
    sections: Iterable[PostmortemSection],
    factors: Sequence[ContributingFactor],
    actions: Sequence[ActionItem],
    figures: Figures,
) -> list[str]:
    """What a reader would miss, as sentences. No queries."""
    missing = [
        f"Section “{section.title}” is empty."
        for section in sections
        if not section.body.strip()
        and (section.key not in BY_KEY or BY_KEY[section.key].is_needed)
        and not (section.key == "summary" and incident.summary.strip())
    ]
    stamps = figures.stamps
    for field, stamp in (
        ("impact started", stamps.impact_started),
        ("detected", stamps.detected),
        ("resolved", stamps.resolved),
    ):
        if stamp is None:
            missing.append(f"No timeline entry says when it was {field}." if field != "impact started" else _NO_IMPACT)
    missing += [
        f"{duration.label} is invalid: {duration.detail}."
        for duration in figures.durations
        if duration.status == "invalid"
    ]
    if not incident.time_zone:
        missing.append("The time zone of the entries is not stated.")
    if incident.severity == "unknown":
        missing.append("The severity is unknown.")
    if not factors:
        missing.append("No contributing factor is recorded.")
    if not actions:
        missing.append("No action item is recorded.")
    missing += [
        f"Action {action.number} has no owner." for action in actions if action.owner_id is None and _open(action)
    ]
    missing += [
        f"Action {action.number} has no due date." for action in actions if action.due_on is None and _open(action)
    ]
    return missing


_NO_IMPACT = "No timeline entry says when the impact started."


def _open(action: ActionItem) -> bool:
    return action.state in ("proposed", "outstanding", "regressed")


def _folded(lines: list[DiffLine], *, first: bool, last: bool) -> list[DiffLine]:
    head, tail = (0 if first else CONTEXT_LINES), (0 if last else CONTEXT_LINES)
    hidden = len(lines) - head - tail
    if hidden <= 1:
        return lines
    end = lines[len(lines) - tail :] if tail else []
    return [*lines[:head], DiffLine("skipped", f"{hidden} lines the same"), *end]
