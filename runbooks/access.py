"""Who may see or change runbooks, maintenance and runs: outsiders get 404, too low a role 403."""

import re

from django.contrib.auth.models import AnonymousUser
from django.http import Http404

from runbooks.models import ChecklistStep, CheckRun, Maintenance, Runbook
from teams.access import require_role
from teams.models import User
from teams.roles import Role

_KEY = re.compile(r"MNT-(\d{1,9})")


def maintenance_for(user: User | AnonymousUser, key: str, minimum: Role = Role.VIEWER) -> Maintenance:
    """The maintenance with this key, with team, environment, runbook and people. Raises Http404, PermissionDenied."""
    match = _KEY.fullmatch(key)
    found = (
        Maintenance.objects.select_related(
            "team", "environment", "runbook_version__runbook__team", "requested_by", "go_given_by"
        )
        .filter(number=int(match[1]))
        .first()
        if match
        else None
    )
    if found is None:
        raise Http404(f"There is no maintenance {key}, or you are not a member of its team.")
    require_role(user, found.team, minimum)
    return found


def step_for(
    user: User | AnonymousUser, key: str, position: int, minimum: Role = Role.RESPONDER
) -> tuple[Maintenance, ChecklistStep]:
    """A maintenance and the step at this position of it."""
    maintenance = maintenance_for(user, key, minimum)
    step = ChecklistStep.objects.filter(maintenance=maintenance, position=position).first()
    if step is None:
        raise Http404(f"{key} has no step {position}.")
    return maintenance, step


def runbook_for(user: User | AnonymousUser, team_slug: str, slug: str, minimum: Role = Role.VIEWER) -> Runbook:
    """The runbook with this slug of this team, its current version loaded."""
    runbook = Runbook.objects.select_related("team", "current__author").filter(team__slug=team_slug, slug=slug).first()
    if runbook is None:
        raise Http404("There is no such runbook, or you are not a member of its team.")
    require_role(user, runbook.team, minimum)
    return runbook


def run_for(user: User | AnonymousUser, run_id: int, minimum: Role = Role.VIEWER) -> CheckRun:
    """The check run with this number, with its check, step, maintenance and baseline run."""
    run = (
        CheckRun.objects.select_related(
            "check_definition__team", "check_definition__checklist_step__maintenance", "baseline", "requested_by"
        )
        .filter(pk=run_id)
        .first()
    )
    if run is None:
        raise Http404("There is no such run, or you are not a member of its team.")
    require_role(user, run.check_definition.team, minimum)
    return run
