"""Egress zones: made, edited, removed, brought back, and made in a click from a refused check."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from teams import zones
from teams.access import zone_for
from teams.actors import Actor
from teams.forms import ZoneForm, show_refusal
from teams.models import EgressZone
from teams.refusals import Refused
from teams.versions import EditConflict
from teams.views.environments import read_ticket, undo_ticket
from teams.views.team import admin_team, team_page


@require_POST
def add(request: HttpRequest) -> HttpResponseBase:
    team = admin_team(request)
    form = ZoneForm(request.POST)
    if form.is_valid():
        try:
            zone = zones.create(team, form.values(), actor=Actor.of(request), now=timezone.now())
        except Refused as refused:
            show_refusal(form, refused)
        else:
            messages.success(request, f"Checks of {team} may dial {', '.join(zone.cidrs)} within 5 seconds.")
            return redirect("teams:team")
    return team_page(request, team, zone=form)


@require_GET
def from_refusal(request: HttpRequest) -> HttpResponse:
    """`?cidr=10.0.0.0/8`: what would be allowed, and the one button that allows it."""
    team = admin_team(request)
    written = request.GET.get("cidr", "")
    try:
        cidrs = zones.parse_networks(written)
    except Refused as refused:
        context = {"team": team, "problem": str(refused)}
        return render(request, "teams/zone_from_refusal.html", context, status=422)
    form = ZoneForm(initial={"name": f"Allowed {cidrs[0]}"[:60], "cidrs": "\n".join(cidrs)})
    covering = [zone for zone in team.egress_zones.all() if set(cidrs) <= set(zone.cidrs)]
    context = {"team": team, "cidrs": cidrs, "form": form, "covering": covering}
    return render(request, "teams/zone_from_refusal.html", context)


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, zone_id: int) -> HttpResponseBase:
    zone = zone_for(request.user, zone_id)
    form = ZoneForm(request.POST) if request.method == "POST" else ZoneForm.of(zone)
    conflict: EgressZone | None = None
    if form.is_bound and form.is_valid():
        version = form.cleaned_data["version"] or 0
        try:
            zones.edit(zone, version, form.values(), actor=Actor.of(request), now=timezone.now())
        except Refused as refused:
            show_refusal(form, refused)
        except EditConflict:
            conflict = zone_for(request.user, zone_id)
        else:
            messages.success(request, "Saved. Checks follow within 5 seconds.")
            return redirect("teams:team")
    status = 409 if conflict else 422 if form.errors else 200
    return render(request, "teams/zone_edit.html", {"zone": zone, "form": form, "conflict": conflict}, status=status)


@require_POST
def remove(request: HttpRequest, zone_id: int) -> HttpResponseBase:
    zone = zone_for(request.user, zone_id)
    team = zone.team
    facts = zones.remove(zone, actor=Actor.of(request), now=timezone.now())
    undo = reverse("teams:zone_restore", args=[undo_ticket(team, "zone", facts)])
    messages.success(request, f"Zone {facts['name']} is removed.", extra_tags=undo)
    return redirect("teams:team")


@require_POST
def restore(request: HttpRequest, ticket: str) -> HttpResponseBase:
    team = admin_team(request)
    try:
        zones.create(team, read_ticket(team, "zone", ticket), actor=Actor.of(request), now=timezone.now())
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, "The zone is back.")
    return redirect("teams:team")
