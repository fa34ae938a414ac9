"""The incident page: the live timeline with its composer, key timestamps, people."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db.models import Prefetch, Q, QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from incidents.access import incident_for
from incidents.figures import KEY_KINDS, figures_of, overrides_of
from incidents.forms.entries import ComposerForm
from incidents.forms.fields import members_of
from incidents.models import Attachment, EntryKind, Incident, IncidentRole, TimelineEntry
from incidents.timeline_days import ENTRIES_PER_PAGE, days_of
from incidents.views.frame import frame_of, head_of
from teams.middleware import TeamRequest

FRAGMENTS = {
    "head": "incidents/_head.html",
    "timeline": "incidents/_timeline.html",
    "side": "incidents/_side.html",
}


@require_GET
@vary_on_headers("HX-Request")
def incident(request: TeamRequest, key: str) -> HttpResponse:
    found = incident_for(request.user, key)
    return incident_page(request, found)


@require_GET
def live(request: TeamRequest, key: str, part: str) -> HttpResponse:
    """One live part of the page, or 204 after a single query when the asker's version is still the newest."""
    if part not in FRAGMENTS or not key.startswith("INC-"):
        raise Http404
    number = key.removeprefix("INC-")
    if number.isascii() and number.isdigit() and len(number) < 10:
        mine = Incident.objects.filter(number=int(number), team__memberships__user=request.user)
        newest = mine.values_list("live_version", flat=True).first()
        if newest is not None and str(newest) == request.GET.get("version"):
            return HttpResponse(status=204)
    found = incident_for(request.user, key)
    if part == "head":
        context: dict[str, Any] = head_of(request, found)
    else:
        context = {**head_of(request, found), **page_context(request, found)}
    return render(request, FRAGMENTS[part], context)


def incident_page(
    request: TeamRequest,
    incident: Incident,
    *,
    composer: ComposerForm | None = None,
    status_form: Any = None,
    status: int = 200,
) -> HttpResponse:
    """The whole page; with a refused form, the page with what was typed."""
    context = {
        **frame_of(request, incident, "timeline"),
        **page_context(request, incident),
        "composer": composer or ComposerForm(incident.team),
        "status_form": status_form,
        "attachment_max_megabytes": settings.ATTACHMENT_MAX_BYTES // (1024 * 1024),
    }
    return render(request, "incidents/incident.html", context, status=status)


def page_context(request: TeamRequest, incident: Incident) -> dict[str, Any]:
    """Timeline and side column. At most nine queries, however many entries."""
    before = entry_before(incident, request.GET.get("until", ""))
    is_short = request.GET.get("short") == "yes"
    shown = window(incident, before).filter(is_starred=True) if is_short else window(incident, before)
    entries = list(shown[: ENTRIES_PER_PAGE + 1])
    has_earlier = len(entries) > ENTRIES_PER_PAGE
    entries = entries[:ENTRIES_PER_PAGE][::-1]
    is_whole = not has_earlier and before is None and not is_short
    overrides = overrides_of(incident)
    known = [entry for entry in entries if entry.kind in KEY_KINDS] if is_whole else None
    figures = figures_of(incident, known, overrides)
    return {
        "days": days_of(entries, incident, request.user.time_zone),
        "has_earlier": has_earlier,
        "first_entry": entries[0] if entries else None,
        "is_latest": before is None and not is_short,
        "is_short": is_short,
        "has_starred": any(entry.is_starred for entry in entries),
        "files": list(incident.attachments.filter(deleted_at=None)),
        "figures": figures,
        "overrides": overrides,
        "roles": list(incident.roles.filter(until=None).select_related("user")),
        "role_choices": IncidentRole.Role.choices,
        "members": members_of(incident.team),
        "kinds": EntryKind.choices,
    }


def window(incident: Incident, before: TimelineEntry | None) -> QuerySet[TimelineEntry]:
    """Entries newest first, from before a given one."""
    entries = incident.entries.filter(deleted_at=None).select_related("environment", "author")
    if before is not None:
        same_moment = Q(sort_key=before.sort_key, pk__lt=before.pk)
        entries = entries.filter(Q(sort_key__lt=before.sort_key) | same_moment)
    files = Attachment.objects.filter(deleted_at=None)
    return entries.order_by("-sort_key", "-pk").prefetch_related(Prefetch("attachments", queryset=files))


def entry_before(incident: Incident, entry_id: str) -> TimelineEntry | None:
    if not (entry_id.isascii() and entry_id.isdigit() and len(entry_id) < 18):
        return None
    return incident.entries.filter(pk=int(entry_id)).first()
