"""The list of services, and making and editing one. The page of one service is composed in `pages`."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from teams import inventory
from teams.access import current_team, may, service_for
from teams.actors import Actor
from teams.forms import ServiceForm
from teams.middleware import TeamRequest
from teams.models import Service
from teams.roles import Role
from teams.versions import EditConflict


@require_GET
def services(request: TeamRequest) -> HttpResponse:
    if request.team is None:
        return render(request, "teams/no_team.html")
    rows = list(Service.objects.filter(team=request.team))
    context = {
        "services": [row for row in rows if row.archived_at is None],
        "archived": [row for row in rows if row.archived_at is not None],
        "team": request.team,
        "is_admin": may(request.user, request.team, Role.ADMIN),
    }
    return render(request, "teams/services.html", context)


@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponseBase:
    team = current_team(request, Role.ADMIN)
    form = ServiceForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        service = inventory.create_service(
            team,
            name=form.cleaned_data["name"],
            description=form.cleaned_data["description"],
            actor=Actor.of(request),
            now=timezone.now(),
        )
        messages.success(request, f"{service} is added.")
        return redirect("pages:service", team.slug, service.slug)
    return render(request, "teams/service_edit.html", {"form": form}, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, team_slug: str, slug: str) -> HttpResponseBase:
    service = service_for(request.user, team_slug, slug, Role.ADMIN)
    initial = {"name": service.name, "description": service.description, "version": service.version}
    form = ServiceForm(request.POST) if request.method == "POST" else ServiceForm(initial=initial)
    conflict: Service | None = None
    if form.is_bound and form.is_valid():
        try:
            inventory.edit_service(
                service,
                form.cleaned_data["version"] or 0,
                name=form.cleaned_data["name"],
                description=form.cleaned_data["description"],
                actor=Actor.of(request),
                now=timezone.now(),
            )
        except EditConflict:
            conflict = service_for(request.user, team_slug, slug)
        else:
            messages.success(request, "Saved.")
            return redirect("pages:service", team_slug, slug)
    status = 409 if conflict else 422 if form.errors else 200
    context = {"service": service, "form": form, "conflict": conflict}
    return render(request, "teams/service_edit.html", context, status=status)


@require_POST
def archive(request: HttpRequest, team_slug: str, slug: str) -> HttpResponseBase:
    service = service_for(request.user, team_slug, slug, Role.ADMIN)
    inventory.archive_service(service, actor=Actor.of(request), now=timezone.now())
    undo = reverse("teams:service_restore", args=[team_slug, slug])
    messages.success(request, f"{service} is archived.", extra_tags=undo)
    return redirect("teams:services")


@require_POST
def restore(request: HttpRequest, team_slug: str, slug: str) -> HttpResponseBase:
    service = service_for(request.user, team_slug, slug, Role.ADMIN)
    inventory.restore_service(service, actor=Actor.of(request), now=timezone.now())
    messages.success(request, f"{service} is back.")
    return redirect("pages:service", team_slug, slug)
