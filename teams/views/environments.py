"""Changing the team's environments and their order."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core import signing
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from teams import environments
from teams.access import environment_for
from teams.actors import Actor
from teams.forms import EnvironmentForm, show_refusal
from teams.models import Team
from teams.refusals import Refused
from teams.views.team import admin_team, team_page

UNDO_FOR_SECONDS = 3600


@require_POST
def add(request: HttpRequest) -> HttpResponseBase:
    team = admin_team(request)
    form = EnvironmentForm(request.POST)
    if form.is_valid():
        try:
            environments.add(team, **form.cleaned_data, actor=Actor.of(request), now=timezone.now())
        except Refused as refused:
            show_refusal(form, refused)
        else:
            messages.success(request, f"{form.cleaned_data['short_name']} is added, last in the order.")
            return redirect("teams:team")
    return team_page(request, team, environment=form)


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, environment_id: int) -> HttpResponse | HttpResponseBase:
    environment = environment_for(request.user, environment_id)
    facts = environments.facts(environment)
    form = EnvironmentForm(request.POST) if request.method == "POST" else EnvironmentForm(initial=facts)
    if form.is_bound and form.is_valid():
        try:
            environments.edit(environment, **form.cleaned_data, actor=Actor.of(request), now=timezone.now())
        except Refused as refused:
            show_refusal(form, refused)
        else:
            messages.success(request, "Saved.")
            return redirect("teams:team")
    context = {"environment": facts, "form": form}
    return render(request, "teams/environment_edit.html", context, status=422 if form.errors else 200)


@require_POST
def move(request: HttpRequest, environment_id: int) -> HttpResponseBase:
    environment = environment_for(request.user, environment_id)
    direction = request.POST.get("direction")
    if direction not in ("up", "down"):
        raise BadRequest("The direction is up or down.")
    environments.move(environment, up=direction == "up", actor=Actor.of(request), now=timezone.now())
    return redirect(reverse("teams:team") + "#environments")


@require_POST
def remove(request: HttpRequest, environment_id: int) -> HttpResponseBase:
    environment = environment_for(request.user, environment_id)
    try:
        facts = environments.remove(environment, actor=Actor.of(request), now=timezone.now())
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        undo = reverse("teams:environment_restore", args=[undo_ticket(environment.team, "environment", facts)])
        messages.success(request, f"{facts['short_name']} is removed.", extra_tags=undo)
    return redirect("teams:team")


@require_POST
def restore(request: HttpRequest, ticket: str) -> HttpResponseBase:
    team = admin_team(request)
    try:
        environments.add(team, **read_ticket(team, "environment", ticket), actor=Actor.of(request), now=timezone.now())
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, "It is back.")
    return redirect("teams:team")


def undo_ticket(team: Team, kind: str, facts: dict[str, Any]) -> str:
    """What was removed, signed into the undo button's address: nothing half-removed stays in a table."""
    return signing.dumps({"team": team.pk, "facts": facts}, salt=f"teams.undo.{kind}", compress=True)


def read_ticket(team: Team, kind: str, ticket: str) -> dict[str, Any]:
    """What of this kind was removed from this team within the last hour. Raises Refused."""
    try:
        content = signing.loads(ticket, salt=f"teams.undo.{kind}", max_age=UNDO_FOR_SECONDS)
    except signing.BadSignature:
        raise Refused("It is too late to undo this. Add it again.") from None
    if content["team"] != team.pk:
        raise Refused("That belongs to another team. Switch to it first.")
    facts: dict[str, Any] = content["facts"]
    return facts
