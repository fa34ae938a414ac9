"""The analysis page: the picture, durations, detection, factors, hypotheses."""

from __future__ import annotations

from typing import Any

from django.db.models import Prefetch
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_GET

from incidents.access import incident_for
from incidents.figures import analysis_of, check_fact, entry_facts, environment_facts, figures_of, overrides_of
from incidents.forms.fields import environments_of
from incidents.forms.thinking import FactorForm, HypothesisForm, SilentCheckForm
from incidents.lesson_results import latest_results
from incidents.lifecycle import OVER
from incidents.models import Evidence, Incident, SilentCheck
from incidents.timeline_picture import Window, compose_picture, picture_table
from incidents.timeline_svg import draw
from incidents.views.frame import frame_of
from teams.middleware import TeamRequest


@require_GET
def analysis(request: TeamRequest, key: str) -> HttpResponse:
    return analysis_page(request, incident_for(request.user, key))


def analysis_page(request: TeamRequest, incident: Incident, *, status: int = 200, **bound_forms: Any) -> HttpResponse:
    """The whole page; with a refused form among `bound_forms`, the page with what was typed."""
    forms: dict[str, Any] = {
        "factor_form": FactorForm(),
        "hypothesis_form": HypothesisForm(),
        "silent_form": SilentCheckForm(incident.team),
        "evidence_form": None,
        **bound_forms,
    }
    context = {**frame_of(request, incident, "analysis"), **_matter(request, incident), **forms}
    return render(request, "incidents/analysis.html", context, status=status)


def _matter(request: TeamRequest, incident: Incident) -> dict[str, Any]:
    entries = list(incident.entries.filter(deleted_at=None).select_related("environment"))
    silent = list(incident.silent_checks.filter(deleted_at=None).select_related("environment"))
    environments = list(environments_of(incident.team))
    figures = figures_of(incident, entries, overrides_of(incident))
    found = analysis_of(incident, figures, entries, silent, environments)
    by_id = {entry.pk: entry for entry in entries}
    evidence = Evidence.objects.filter(deleted_at=None).select_related("entry", "attachment", "run__check_definition")
    actions = list(incident.actions.present().select_related("owner"))
    results = latest_results(actions)
    return {
        "figures": figures,
        "analysis": found,
        "missed_warnings": [(each, by_id[int(each.entry_id)]) for each in found.missed_warnings],
        "silent_checks": silent,
        "factors": list(incident.factors.filter(deleted_at=None)),
        "hypotheses": list(
            incident.hypotheses.filter(deleted_at=None).prefetch_related(Prefetch("evidence", queryset=evidence))
        ),
        "entries": entries,
        "attachments": list(incident.attachments.filter(deleted_at=None)),
        "lessons": [(action, results[action.pk]) for action in actions if action.pk in results],
        **picture_of(request, incident, entries, figures, found, silent, environments),
    }


def picture_of(
    request: TeamRequest,
    incident: Incident,
    entries: Any,
    figures: Any,
    found: Any,
    silent: list[SilentCheck],
    environments: Any,
) -> dict[str, Any]:
    """The SVG in its wide and its narrow form, and the table that says the same."""
    facts = entry_facts(entries, incident)
    lanes = [each for environment in environments if (each := environment_facts(environment))]
    windows = _muted_windows(silent, incident)
    zone = incident.time_zone or request.user.time_zone
    is_under_way = incident.status not in OVER and not incident.is_retrospective
    picture = compose_picture(
        facts,
        figures.stamps,
        found,
        environments=lanes,
        windows=windows,
        zone=zone,
        now=timezone.now() if is_under_way else None,
    )
    title = f"Timeline of {incident.key}"
    return {
        "picture_wide": mark_safe(draw(picture, title=title)),  # noqa: S308 - drawn by us, texts escaped
        "picture_narrow": mark_safe(  # noqa: S308 - drawn by us, texts escaped
            draw(picture, title=title, width=320, element_id="timeline-picture-narrow")
        ),
        "picture_rows": picture_table(figures.stamps, windows=windows, zone=zone),
        "picture_zone": zone,
    }


def _muted_windows(silent: list[SilentCheck], incident: Incident) -> list[Window]:
    """Stretches in which a check was muted are shaded: nobody could have been told."""
    from_to = []
    for check in silent:
        fact = check_fact(check, incident)
        if fact.state == "muted" and fact.since and fact.until:
            from_to.append(Window(f"{fact.name} muted", fact.since, fact.until))
    return from_to
