"""A runbook: is this plan good? Its steps, its versions and what changed between them."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from runbooks import editing
from runbooks.access import runbook_for
from runbooks.document import PHASES, RunbookDocument
from runbooks.models import Maintenance, Runbook, RunbookVersion
from runbooks.problems import InvalidRunbook
from runbooks.yaml_format import dump
from teams.access import may
from teams.actors import Actor
from teams.middleware import TeamRequest
from teams.refusals import Refused
from teams.roles import Role


@require_GET
def runbook_page(request: TeamRequest, team_slug: str, slug: str) -> HttpResponse:
    runbook = runbook_for(request.user, team_slug, slug)
    version = _version(runbook, request.GET.get("version", ""))
    document = version.document
    uses = Maintenance.objects.filter(runbook_version__runbook=runbook).order_by("-starts_at")
    context: dict[str, Any] = {
        "runbook": runbook,
        "version": version,
        "is_current": version.pk == runbook.current_id,
        "document": document,
        "phases": _phases(document),
        "lessons": _lessons(document),
        "uses": list(uses[:10]),
        "services": list(runbook.services.all()),
        "versions_count": runbook.versions.count(),
        "may_edit": may(request.user, runbook.team, Role.MAINTAINER),
    }
    return render(request, "runbooks/runbook.html", context)


def _version(runbook: Runbook, number: str) -> RunbookVersion:
    if not number:
        assert runbook.current is not None
        return runbook.current
    is_number = number.isascii() and number.isdigit() and len(number) < 9
    found = runbook.versions.filter(number=int(number)).first() if is_number else None
    if found is None:
        raise Http404(f"This runbook has no version {number[:20]}.")
    found.runbook = runbook
    return found


def _phases(document: RunbookDocument) -> list[dict[str, Any]]:
    numbered = list(enumerate(document.steps))
    return [
        {"phase": phase, "steps": [{"index": i, "step": step} for i, step in numbered if step.phase == phase]}
        for phase in PHASES
    ]


def _lessons(document: RunbookDocument) -> list[dict[str, Any]]:
    return [{"step": step, "origin": origin} for step in document.steps for origin in step.origins]


@require_GET
def versions(request: TeamRequest, team_slug: str, slug: str) -> HttpResponse:
    """All versions; the difference between two (`?from=1&to=3`), else between the last two."""
    runbook = runbook_for(request.user, team_slug, slug)
    found = list(runbook.versions.select_related("author").order_by("-number"))
    newer = _named(found, request.GET.get("to", "")) or found[0]
    older = _named(found, request.GET.get("from", "")) or next((v for v in found if v.number < newer.number), None)
    context = {
        "runbook": runbook,
        "versions": found,
        "newer": newer,
        "older": older,
        "lines": editing.diff(older.document, newer.document) if older else [],
    }
    return render(request, "runbooks/versions.html", context)


def _named(found: list[RunbookVersion], number: str) -> RunbookVersion | None:
    return next((version for version in found if str(version.number) == number), None)


@require_GET
def download(request: TeamRequest, team_slug: str, slug: str) -> HttpResponse:
    """The runbook as a YAML file, for git."""
    runbook = runbook_for(request.user, team_slug, slug)
    version = _version(runbook, request.GET.get("version", ""))
    response = HttpResponse(dump(version.document), content_type="application/yaml; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{runbook.slug}.yaml"'
    return response


@require_POST
def copy(request: TeamRequest, team_slug: str, slug: str) -> HttpResponse:
    runbook = runbook_for(request.user, team_slug, slug, Role.MAINTAINER)
    try:
        made = editing.copy_runbook(runbook, actor=Actor.of(request), now=timezone.now())
    except InvalidRunbook as invalid:  # what a kind or expectation means may have changed since it was saved
        messages.error(request, f"It cannot be copied as it stands: {invalid.problems[0]}")
        return redirect("runbooks:runbook", team_slug, slug)
    messages.success(request, "Copied. This is the copy.")
    return redirect("runbooks:runbook", team_slug, made.slug)


@require_POST
def archive(request: TeamRequest, team_slug: str, slug: str) -> HttpResponse:
    runbook = runbook_for(request.user, team_slug, slug, Role.MAINTAINER)
    try:
        editing.archive(runbook, actor=Actor.of(request), now=timezone.now())
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        undo = reverse("runbooks:unarchive", args=[team_slug, slug])
        messages.success(request, f"“{runbook.title}” is archived.", extra_tags=undo)
    return redirect("runbooks:list")


@require_POST
def unarchive(request: TeamRequest, team_slug: str, slug: str) -> HttpResponse:
    runbook = runbook_for(request.user, team_slug, slug, Role.MAINTAINER)
    try:
        editing.unarchive(runbook, actor=Actor.of(request), now=timezone.now())
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, f"“{runbook.title}” is back.")
    return redirect("runbooks:runbook", team_slug, slug)
