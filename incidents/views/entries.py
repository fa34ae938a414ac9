"""Adding, editing and starring timeline entries."""

from __future__ import annotations

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from incidents import timeline
from incidents.access import entry_for, incident_for
from incidents.forms.entries import ComposerForm, EntryForm
from incidents.forms.fields import show_refusal
from incidents.views.declare import ZONES
from incidents.views.frame import frame_of, head_of
from incidents.views.incident import incident_page, page_context
from teams.actors import Actor
from teams.middleware import TeamRequest
from teams.refusals import Refused
from teams.roles import Role
from teams.versions import EditConflict


@require_POST
def add_line(request: TeamRequest, key: str) -> HttpResponse:
    """What the composer sends. By htmx: the composer again, and the timeline beside it."""
    incident = incident_for(request.user, key, Role.RESPONDER)
    form = ComposerForm(incident.team, request.POST)
    added = None
    if form.is_valid():
        values = form.cleaned_data
        try:
            added = timeline.add_line(
                incident,
                values["text"],
                kind=values["kind"],
                environment=values["environment"],
                actor=Actor.of(request),
                now=timezone.now(),
            )
        except Refused as refused:
            form.add_error("text", str(refused))
    is_htmx = request.headers.get("HX-Request") == "true"
    if added is None:
        if not is_htmx:
            return incident_page(request, incident, composer=form, status=422)
        return render(request, "incidents/_composer.html", {"incident": incident, "composer": form}, status=422)
    if not is_htmx:
        for doubt in added.doubts:
            messages.warning(request, doubt)
        return redirect(f"{reverse('incidents:incident', args=[key])}#entry-{added.entry.pk}")
    incident.refresh_from_db(fields=["live_version"])
    kept = {"kind": form.cleaned_data["kind"], "environment": form.cleaned_data["environment"]}
    context = {
        **head_of(request, incident),
        **page_context(request, incident),
        "composer": ComposerForm(incident.team, initial=kept),
        "added": added,
    }
    return render(request, "incidents/_line_added.html", context)


@require_http_methods(["GET", "POST"])
def new(request: TeamRequest, key: str) -> HttpResponse:
    """The full form, for times with all their parts."""
    incident = incident_for(request.user, key, Role.RESPONDER)
    form = EntryForm(incident.team, request.POST or None)
    if form.is_bound and form.is_valid():
        values = form.cleaned_data
        try:
            entry = timeline.add_entry(
                incident,
                text=values["text"],
                kind=values["kind"],
                start=form.start,
                end=form.end,
                as_written=form.as_written,
                environment=values["environment"],
                is_starred=values["is_starred"],
                actor=Actor.of(request),
                now=timezone.now(),
            )
        except Refused as refused:
            show_refusal(form, refused)
        else:
            return redirect(f"{reverse('incidents:incident', args=[key])}#entry-{entry.pk}")
    context = {**frame_of(request, incident, "timeline"), "form": form, "zones": ZONES}
    return render(request, "incidents/entry.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def edit(request: TeamRequest, key: str, entry_id: int) -> HttpResponse:
    entry = entry_for(request.user, key, entry_id, Role.RESPONDER)
    incident, actor = entry.incident, Actor.of(request)
    form = EntryForm(incident.team, request.POST) if request.method == "POST" else EntryForm.of(entry)
    conflict, status = None, 200
    if form.is_bound and form.is_valid():
        values = form.cleaned_data
        try:
            with transaction.atomic():
                timeline.edit_entry(
                    entry,
                    values["version"] or 0,
                    text=values["text"],
                    kind=values["kind"],
                    start=form.start,
                    end=form.end,
                    as_written=form.as_written,
                    environment=values["environment"],
                    actor=actor,
                    now=timezone.now(),
                )
                timeline.star_entry(entry, values["is_starred"], actor=actor, now=timezone.now())
        except Refused as refused:
            show_refusal(form, refused)
        except EditConflict as found:
            conflict, status = found.current, 409
        else:
            return redirect(f"{reverse('incidents:incident', args=[key])}#entry-{entry.pk}")
    if form.errors:
        status = 422
    context = {**frame_of(request, incident, "timeline"), "form": form, "entry": entry}
    return render(request, "incidents/entry.html", {**context, "zones": ZONES, "conflict": conflict}, status=status)


@require_POST
def star(request: HttpRequest, key: str, entry_id: int) -> HttpResponse:
    entry = entry_for(request.user, key, entry_id, Role.RESPONDER)
    timeline.star_entry(entry, request.POST.get("starred") == "yes", actor=Actor.of(request), now=timezone.now())
    return redirect(f"{reverse('incidents:incident', args=[key])}#entry-{entry.pk}")
