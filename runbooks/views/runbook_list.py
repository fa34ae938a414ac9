"""The team's runbooks."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from runbooks.models import Runbook
from runbooks.shipped_runbooks import load_shipped, shipped_files
from teams.access import may
from teams.actors import Actor
from teams.middleware import TeamRequest
from teams.roles import Role


@require_GET
def runbook_list(request: TeamRequest) -> HttpResponse:
    if request.team is None:
        return render(request, "runbooks/no_team.html")
    archived = request.GET.get("archived") == "1"
    words = request.GET.get("q", "").replace("\x00", "").strip()[:200]
    runbooks = Runbook.objects.filter(team=request.team, archived_at__isnull=not archived)
    if words:
        runbooks = runbooks.filter(title__icontains=words)
    runbooks = runbooks.select_related("team", "current").prefetch_related("services")
    found = list(runbooks.annotate(uses=Count("versions__maintenances")).order_by("title"))
    slugs = set(Runbook.objects.filter(team=request.team).values_list("slug", flat=True))
    context = {
        "runbooks": found,
        "archived": archived,
        "words": words,
        "may_edit": may(request.user, request.team, Role.MAINTAINER),
        "has_all_shipped": all(path.stem in slugs for path in shipped_files()),
    }
    return render(request, "runbooks/runbook_list.html", context)


@require_POST
def load(request: TeamRequest) -> HttpResponse:
    """Give the team the runbooks that come with Hindsight."""
    if request.team is None or not may(request.user, request.team, Role.MAINTAINER):
        raise PermissionDenied("Runbooks are edited by maintainers and admins.")
    loaded = load_shipped(request.team, Actor.of(request), timezone.now())
    count = "1 runbook" if len(loaded) == 1 else f"{len(loaded)} runbooks"
    messages.success(request, f"{count} added. They are yours now: change them." if loaded else "They are all here.")
    return redirect("runbooks:list")
