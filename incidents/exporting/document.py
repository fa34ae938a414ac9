"""What the PDF of a postmortem says: one HTML document and the assets it may show."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

from incidents.detection_analysis import DetectionAnalysis
from incidents.durations import Duration
from incidents.entry_times import clock_of, day_of, end_of, start_of
from incidents.exporting.pdf import Asset
from incidents.figures import Figures, analysis_of, entry_facts, environment_facts, figures_of, overrides_of
from incidents.key_timestamps import EntryFacts, EnvironmentFacts
from incidents.lesson_results import latest_results
from incidents.models import Attachment, Incident, PostmortemSection, TimelineEntry
from incidents.sections import BY_KEY
from incidents.timeline_picture import compose_picture
from incidents.timeline_svg import draw
from incidents.written_times import WrittenTime
from teams.markdown import render_markdown

STYLE = "postmortem.css"
FIRST = {"summary", "impact", "background"}
AROUND_RECORDS = {"timeline", "contributing_factors", "action_items"}
"""Sections whose words stand above the recorded timeline, factors and actions."""
PICTURE_TYPES = {"image/png", "image/jpeg", "image/gif", "image/webp"}
_PICTURE_IN_TEXT = re.compile(r'src="/incidents/(INC-\d+)/attachments/(\d+)/"')


@dataclass(frozen=True)
class Row:
    """One line of the printed timeline. `utc` is empty where no instant follows from what was written."""

    entry: TimelineEntry
    day: str
    starts_day: bool
    clock: str
    zone: str
    utc: str
    text: SafeString
    pictures: tuple[str, ...]


def postmortem_document(incident: Incident, *, paper: str, now: datetime) -> tuple[str, dict[str, Asset]]:
    """HTML and assets of the incident's postmortem, all that is in it, with blanks named as blanks.

    `paper` is A4 or Letter. Only the style sheet and this incident's own pictures are assets.
    """
    entries = list(
        incident.entries.filter(deleted_at=None).select_related("environment").prefetch_related("attachments")
    )
    figures = figures_of(incident, entries, overrides_of(incident))
    silent = incident.silent_checks.filter(deleted_at=None).select_related("environment")
    environments = list(incident.team.environments.all())
    analysis = analysis_of(incident, figures, entries, silent, environments)
    pictures = {
        attachment.pk: attachment
        for attachment in incident.attachments.filter(deleted_at=None)
        if attachment.content_type in PICTURE_TYPES
    }
    facts = entry_facts(entries, incident)
    rows = _rows(entries, incident, pictures)
    lanes = [found for environment in environments if (found := environment_facts(environment))]
    actions = list(incident.actions.filter(deleted_at=None).select_related("owner"))
    proofs = latest_results(actions)
    sections = list(incident.sections.all())
    written = {s.key: _markdown(s.body, incident, pictures) for s in sections if s.body.strip()}
    if incident.summary.strip():
        written.setdefault("summary", _markdown(incident.summary, incident, pictures))
    context: dict[str, Any] = {
        "incident": incident,
        "paper": paper,
        "now": now,
        "services": list(incident.services.all()),
        "roles": list(incident.roles.select_related("user")),
        "figures": figures,
        "stamps": [stamp for stamp in figures.stamps.known() if stamp.field != "declared"],
        "durations": [
            # That no zone is stated stands at the top, and beside the value.
            (duration, duration.end_points.replace(", zone not stated", ""))
            for duration in (*figures.durations, analysis.warning_available, analysis.warning_used)
        ],
        "headline": _headline(figures, analysis),
        "analysis": analysis,
        "picture": _picture(incident, facts, figures, analysis, lanes),
        "rows": rows,
        "has_utc": any(row.utc for row in rows),
        "zone_statement": _zone_statement(incident, entries),
        "written": written,
        "first_sections": [(s, written[s.key]) for s in sections if s.key in FIRST and s.key in written],
        "later_sections": [
            (s, written[s.key]) for s in sections if s.key in written and s.key not in FIRST | AROUND_RECORDS
        ],
        "factors": list(incident.factors.filter(deleted_at=None)),
        "hypotheses": _hypotheses(incident),
        "actions": [{"action": action, "results": proofs.get(action.pk, [])} for action in actions],
        "blanks": _blanks(incident, figures, [s for s in sections if s.key not in written], bool(actions)),
        "attachments": [a for a in incident.attachments.filter(deleted_at=None) if a.pk not in pictures],
    }
    html = render_to_string("incidents/export/postmortem.html", context)
    assets = {STYLE: Asset(settings.BASE_DIR / "static" / "css" / "pdf" / STYLE, "text/css")}
    for attachment in pictures.values():
        assets[f"attachment-{attachment.pk}"] = Asset(Path(attachment.file.path), attachment.content_type)
    return html, assets


def _rows(entries: list[TimelineEntry], incident: Incident, pictures: dict[int, Attachment]) -> list[Row]:
    rows: list[Row] = []
    for entry in entries:
        start, end = start_of(entry, incident), end_of(entry, incident)
        day = day_of(start)
        rows.append(
            Row(
                entry=entry,
                day=day,
                starts_day=not rows or rows[-1].day != day,
                clock=clock_of(start) + (f"–{clock_of(end)}" if end else ""),
                zone=start.zone or "",
                utc=_utc(start),
                text=_markdown(entry.text, incident, pictures),
                pictures=tuple(f"asset:attachment-{a.pk}" for a in entry.attachments.all() if a.pk in pictures),
            )
        )
    return rows


def _utc(start: WrittenTime) -> str:
    instant = start.instant()
    return f"{instant:%d %b %H:%M}" if instant else ""


def _headline(figures: Figures, analysis: DetectionAnalysis) -> list[Duration]:
    """The numbers that a reader wants first: those that are known."""
    by_name = {duration.name: duration for duration in figures.durations}
    wanted = [
        by_name.get("time_to_resolve"),
        by_name.get("time_to_detect"),
        by_name.get("time_to_acknowledge"),
        analysis.warning_available,
        analysis.warning_used,
        analysis.latent,
    ]
    return [duration for duration in wanted if duration and duration.status == "recorded"]


def _zone_statement(incident: Incident, entries: list[TimelineEntry]) -> str:
    zones = sorted({start_of(entry, incident).zone or "" for entry in entries})
    if not entries:
        return ""
    if zones == [""]:
        return "The sources do not state a time zone. Times are as written; durations are between wall times."
    if "" in zones:
        return "Some entries state no time zone: their times are as written and have no UTC beside them."
    return f"Times are as written ({', '.join(zones)}), with UTC beside them."


def _hypotheses(incident: Incident) -> list[Any]:
    found = incident.hypotheses.filter(deleted_at=None).prefetch_related("evidence")
    return [
        {"hypothesis": each, "evidence": [e for e in each.evidence.all() if e.deleted_at is None]} for each in found
    ]


def _blanks(incident: Incident, figures: Figures, empty: list[PostmortemSection], has_actions: bool) -> list[str]:
    """What a complete postmortem would say and this one does not."""
    blanks = [f"Time: {label.lower()}" for label in figures.stamps.missing() if label not in ("Declared", "Closed")]
    if incident.severity == "unknown":
        blanks.append("Severity")
    if any(stamp.time.zone is None for stamp in figures.stamps.known()):
        blanks.append("Time zone of the entries")
    if not has_actions:
        blanks.append("Action items")
    needed = [s.title for s in empty if s.key not in BY_KEY or BY_KEY[s.key].is_needed]
    return blanks + [f"Section: {title}" for title in needed]


def _picture(
    incident: Incident,
    facts: list[EntryFacts],
    figures: Figures,
    analysis: DetectionAnalysis,
    lanes: list[EnvironmentFacts],
) -> SafeString:
    """The timeline picture as on the page; empty without entries."""
    if not facts:
        return SafeString("")
    picture = compose_picture(facts, figures.stamps, analysis, environments=lanes, zone=incident.time_zone or "UTC")
    return mark_safe(draw(picture, title=f"Timeline of {incident.key}"))  # noqa: S308 - drawn by us, texts escaped


def _markdown(text: str, incident: Incident, pictures: dict[int, Attachment]) -> SafeString:
    return _with_assets(render_markdown(text), incident, pictures)


def _with_assets(html: SafeString, incident: Incident, pictures: dict[int, Attachment]) -> SafeString:
    """Point the pictures in a text at the assets of this incident; those of another show nothing."""

    def asset(match: re.Match[str]) -> str:
        known = match[1] == incident.key and int(match[2]) in pictures
        return f'src="asset:attachment-{match[2]}"' if known else 'alt="picture not available"'

    return mark_safe(_PICTURE_IN_TEXT.sub(asset, html))  # noqa: S308 - sanitised before, only addresses change
