"""The postmortem: its sections side by side with what they become, revisions, state."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from incidents import lifecycle, postmortem
from incidents.access import incident_for, section_for
from incidents.changes import TEXT_MAX_CHARACTERS
from incidents.figures import figures_of
from incidents.lesson_results import latest_results
from incidents.models import Incident, PostmortemState
from incidents.sections import BY_KEY
from incidents.views.frame import frame_of
from teams.actors import Actor
from teams.markdown import render_markdown
from teams.middleware import TeamRequest
from teams.refusals import Refused
from teams.roles import Role
from teams.versions import EditConflict

REVISIONS_SHOWN = 50


@require_GET
def page(request: TeamRequest, key: str) -> HttpResponse:
    incident = incident_for(request.user, key)
    sections = list(incident.sections.all())
    factors = list(incident.factors.filter(deleted_at=None))
    actions = list(incident.actions.present().select_related("owner"))
    results = latest_results(actions)
    context = {
        **frame_of(request, incident, "postmortem"),
        "sections": [(section, BY_KEY.get(section.key)) for section in sections],
        "missing": postmortem.missing_things(incident, sections, factors, actions, figures_of(incident)),
        "factors": factors,
        "actions": [(action, results.get(action.pk, [])) for action in actions],
        "next_states": _next_states(incident),
        "exports": list(incident.exports.all()[:3]),
        "is_published": incident.postmortem_state == PostmortemState.PUBLISHED,
    }
    return render(request, "incidents/postmortem.html", context)


@require_http_methods(["GET", "POST"])
def section(request: TeamRequest, key: str, section_key: str) -> HttpResponse:
    """The editor. A refused or conflicting save shows what was typed, beside what is saved now."""
    found = section_for(request.user, key, section_key, Role.RESPONDER)
    incident, body, version = found.incident, found.body, found.version
    error, conflict, status = "", None, 200
    if request.method == "POST":
        body = request.POST.get("body", "")
        version = _number(request.POST.get("version", ""))
        try:
            postmortem.save_section(found, version, body, actor=Actor.of(request), now=timezone.now())
        except Refused as refused:
            error, status = str(refused), 422
        except EditConflict as clash:
            conflict, status = clash.current, 409
            version = clash.current.version
        else:
            messages.success(request, f"{found.title} saved.")
            return redirect(f"{reverse('incidents:postmortem', args=[key])}#section-{section_key}")
    context = {
        **frame_of(request, incident, "postmortem"),
        "section": found,
        "template": BY_KEY.get(section_key),
        "body": body,
        "version": version,
        "error": error,
        "conflict": conflict,
        "difference": postmortem.difference(conflict.body, body) if conflict else [],  # type: ignore[attr-defined]
        "is_published": incident.postmortem_state == PostmortemState.PUBLISHED,
    }
    return render(request, "incidents/section.html", context, status=status)


@require_POST
def preview(request: HttpRequest, key: str) -> HttpResponse:
    """A text as it will look. Nothing is stored."""
    incident_for(request.user, key, Role.RESPONDER)
    body = request.POST.get("body", "")
    if len(body) > TEXT_MAX_CHARACTERS:
        return HttpResponse(f"<p>Too long for a preview: {len(body):,} of {TEXT_MAX_CHARACTERS:,} characters.</p>")
    return HttpResponse(render_markdown(body))


@require_GET
def revisions(request: TeamRequest, key: str, section_key: str) -> HttpResponse:
    """Every save of a section, and what one of them changed."""
    found = section_for(request.user, key, section_key)
    saved = list(found.revisions.select_related("author").defer("body")[:REVISIONS_SHOWN])
    wanted = _number(request.GET.get("revision", "")) or (saved[0].version if saved else 0)
    shown = found.revisions.filter(version=wanted).select_related("author").first()
    before = found.revisions.filter(version__lt=wanted).first() if shown else None
    context = {
        **frame_of(request, found.incident, "postmortem"),
        "section": found,
        "revisions": saved,
        "shown": shown,
        "difference": postmortem.difference(before.body if before else "", shown.body) if shown else [],
    }
    return render(request, "incidents/revisions.html", context)


@require_POST
def state(request: HttpRequest, key: str) -> HttpResponse:
    incident = incident_for(request.user, key, Role.RESPONDER)
    try:
        lifecycle.change_postmortem_state(
            incident, request.POST.get("state", ""), actor=Actor.of(request), now=timezone.now()
        )
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, f"The postmortem is now {incident.get_postmortem_state_display().lower()}.")
    return redirect("incidents:postmortem", key)


def _next_states(incident: Incident) -> list[dict[str, Any]]:
    words = {
        PostmortemState.DRAFT: "Back to draft",
        PostmortemState.IN_REVIEW: "Ask for review",
        PostmortemState.REVIEWED: "Mark as reviewed",
        PostmortemState.PUBLISHED: "Publish",
    }
    return [
        {"value": each.value, "word": words[each], "needs_maintainer": each == PostmortemState.PUBLISHED}
        for each in lifecycle.NEXT_OF_POSTMORTEM[incident.postmortem_state]
    ]


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
