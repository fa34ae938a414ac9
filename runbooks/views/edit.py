"""The runbook editor: its YAML, judged while it is typed, with forms that add a step or a check to it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from checks.registry import KINDS
from runbooks import editing
from runbooks.access import runbook_for
from runbooks.document import PHASES
from runbooks.models import Runbook
from runbooks.problems import InvalidRunbook, Problem
from runbooks.validation import read_valid
from runbooks.views.check_form import check_from, kind_fields
from runbooks.yaml_format import dump, read
from runbooks.yaml_insertion import with_check, with_step
from teams.access import may
from teams.actors import Actor
from teams.middleware import TeamRequest
from teams.roles import Role
from teams.versions import EditConflict

STARTER = """\
title: What is done, to {{ hostname }}
summary: What it is for, and when not to use it.
variables:
  - name: hostname
    type: hostname
    help: The name that visitors use.
steps:
  - key: take-the-baseline
    phase: before
    title: Take the baseline
    gate: true
    checks:
      - name: front page
        kind: http
        parameters:
          url: https://{{ hostname }}/
        expect:
          - status == 200
        baseline: true
  - key: do-it
    phase: during
    title: Do it
    rollback: How to take it back.
  - key: as-before
    phase: after
    title: The front page is as before
    gate: true
    checks:
      - name: front page afterwards
        kind: http
        parameters:
          url: https://{{ hostname }}/
        compare_with: front page
        expect:
          - status == before.status
abort_triggers:
  - kind: cutoff
    minutes_before_end: 30
    text: Not done half an hour before the end of the window
"""


@require_http_methods(["GET", "POST"])
def new(request: TeamRequest) -> HttpResponse:
    if request.team is None:
        return render(request, "runbooks/no_team.html")
    if not may(request.user, request.team, Role.MAINTAINER):
        raise PermissionDenied("Runbooks are edited by maintainers and admins.")
    if request.method == "GET":
        return _page(request, None, STARTER)
    text = _typed(request)
    if request.POST.get("action") != "save":
        return _helped(request, None, text)
    try:
        document = read_valid(text)
    except InvalidRunbook as invalid:
        return _page(request, None, text, problems=invalid.problems, status=422)
    made = editing.create_runbook(
        request.team, document, actor=Actor.of(request), now=timezone.now(), note=request.POST.get("note", "")
    )
    messages.success(request, "The runbook is saved.")
    return redirect("runbooks:runbook", request.team.slug, made.slug)


@require_http_methods(["GET", "POST"])
def edit(request: TeamRequest, team_slug: str, slug: str) -> HttpResponse:
    runbook = runbook_for(request.user, team_slug, slug, Role.MAINTAINER)
    assert runbook.current is not None
    if request.method == "GET":
        return _page(request, runbook, dump(runbook.current.document))
    text = _typed(request)
    if request.POST.get("action") != "save":
        return _helped(request, runbook, text)
    try:
        return _saved(request, runbook, text)
    except InvalidRunbook as invalid:
        return _page(request, runbook, text, problems=invalid.problems, status=422)
    except EditConflict:
        runbook = runbook_for(request.user, team_slug, slug, Role.MAINTAINER)
        return _page(request, runbook, text, is_conflict=True, status=409)


def _saved(request: TeamRequest, runbook: Runbook, text: str) -> HttpResponse:
    before = runbook.current_id
    given = request.POST.get("version", "")
    saved = editing.save_version(
        runbook,
        read_valid(text),
        expected_version=int(given) if given.isascii() and given.isdigit() and len(given) < 10 else 0,
        actor=Actor.of(request),
        now=timezone.now(),
        note=request.POST.get("note", ""),
    )
    told = f"Version {saved.number} is saved." if saved.pk != before else "Nothing had changed."
    messages.success(request, told)
    return redirect("runbooks:runbook", runbook.team.slug, runbook.slug)


def _typed(request: HttpRequest) -> str:
    return request.POST.get("text", "").replace("\r\n", "\n")


def _helped(request: TeamRequest, runbook: Runbook | None, text: str) -> HttpResponse:
    """`action` check: only the problems. add_step, add_check: the text with it. Nothing is saved."""
    action = request.POST.get("action", "")
    if action == "check" and getattr(request, "htmx", False):
        return render(request, "runbooks/_problems.html", {"problems": problems_in(text), "is_checked": True})
    trouble = ""
    try:
        if action == "add_step":
            title = " ".join(request.POST.get("step_title", "").split())
            trouble = "" if title else "The new step needs a title."
            text = with_step(text, phase=_phase(request), title=title) if title else text
        elif action == "add_check":
            trouble, check = check_from(request.POST)
            text = text if trouble else with_check(text, _step_index(request), check)
    except InvalidRunbook as invalid:
        return _page(request, runbook, text, problems=invalid.problems, status=422)
    except (IndexError, ValueError):
        trouble = (
            "There is no list of steps to put it into: write `steps:` with one step first, each on lines of its own."
        )
    return _page(request, runbook, text, problems=problems_in(text), trouble=trouble, status=422 if trouble else 200)


def _phase(request: HttpRequest) -> str:
    phase = request.POST.get("step_phase", "")
    return phase if phase in PHASES else PHASES[0]


def _step_index(request: HttpRequest) -> int:
    given = request.POST.get("check_step", "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 6 else 0


def problems_in(text: str) -> list[Problem]:
    try:
        read_valid(text)
    except InvalidRunbook as invalid:
        return invalid.problems
    return []


def _page(
    request: TeamRequest,
    runbook: Runbook | None,
    text: str,
    *,
    problems: list[Problem] | None = None,
    trouble: str = "",
    is_conflict: bool = False,
    status: int = 200,
) -> HttpResponse:
    chosen = request.POST.get("check_kind", "http")
    kind = KINDS.get(chosen) or KINDS["http"]
    current = runbook.current if runbook else None
    context: dict[str, Any] = {
        "runbook": runbook,
        "text": text,
        "problems": problems or [],
        "is_checked": problems is not None,
        "trouble": trouble,
        "is_conflict": is_conflict,
        "saved_text": dump(current.document) if is_conflict and current else "",
        "note": request.POST.get("note", ""),
        "phases": PHASES,
        "kinds": [KINDS[name] for name in sorted(KINDS)],
        "kind": kind,
        "kind_fields": kind_fields(kind, request.POST),
        "steps": _step_titles(text),
        "typed": request.POST,
    }
    return render(request, "runbooks/edit.html", context, status=status)


def _step_titles(text: str) -> list[str]:
    try:
        content = read(text).content
    except InvalidRunbook:
        return []
    steps = content.get("steps") if isinstance(content, dict) else None
    if not isinstance(steps, list):
        return []
    return [str(step.get("title", "")) if isinstance(step, dict) else "" for step in steps]
