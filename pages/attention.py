"""What needs me now? The facts of the Today page; each function is one query, except the gate of one maintenance."""

from __future__ import annotations

import zoneinfo
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta

from django.db.models import Count, F, Max, Q

from incidents.lifecycle import OVER
from incidents.models import ActionItem, Incident
from runbooks.gates import close_blockers, fired_triggers, go_blockers
from runbooks.models import CheckTransition, Maintenance, MaintenanceStatus, RunState, StepState
from runbooks.progress import standing_of
from teams.models import Team, User

AT_MOST = 20
SOON = timedelta(days=7)
ALIVE = (MaintenanceStatus.SCHEDULED, MaintenanceStatus.IN_PROGRESS, MaintenanceStatus.VERIFYING)


@dataclass
class MaintenanceAhead:
    """A maintenance of today or of the next days.

    `gate` is go, no_go, abort or wait (see the gate component), empty when not asked.
    """

    row: Maintenance
    steps_total: int
    steps_done: int
    gate: str = ""
    title: str = ""
    reasons: list[str] = field(default_factory=list)


def active_incidents(team: Team) -> list[Incident]:
    """Not over yet, gravest first, then newest."""
    rows = Incident.objects.filter(team=team).exclude(status__in=OVER).prefetch_related("services")
    return list(rows.order_by("severity", "-number")[:AT_MOST])


def maintenance_ahead(team: Team, user: User, now: datetime) -> tuple[list[MaintenanceAhead], list[MaintenanceAhead]]:
    """(today's, the next days'), the earliest first. Today's: under way, or with a window that touches today in the
    person's zone. The next days': planned to start after today, within `SOON`.

    The gate is worked out for the first of all only: it costs queries, and one maintenance at a time is decided on.
    """
    zone = zoneinfo.ZoneInfo(user.time_zone)
    day = now.astimezone(zone).date()
    midnight, tomorrow = (datetime.combine(day + timedelta(days=days), time(), zone) for days in (0, 1))
    soon = Q(status=MaintenanceStatus.SCHEDULED, starts_at__lt=tomorrow + SOON, ends_at__gte=midnight)
    under_way = Q(status__in=[MaintenanceStatus.IN_PROGRESS, MaintenanceStatus.VERIFYING])
    rows = (
        Maintenance.objects.filter(soon | under_way, team=team)
        .select_related("environment", "runbook_version", "team")
        .annotate(
            steps_total=Count("steps"),
            steps_done=Count("steps", filter=Q(steps__state__in=[StepState.DONE, StepState.SKIPPED])),
        )
        .order_by("starts_at")[:AT_MOST]
    )
    today: list[MaintenanceAhead] = []
    coming: list[MaintenanceAhead] = []
    for row in rows:
        is_coming = row.status == MaintenanceStatus.SCHEDULED and row.starts_at >= tomorrow
        (coming if is_coming else today).append(MaintenanceAhead(row, row.steps_total, row.steps_done))
    for each in (today + coming)[:1]:
        _judge(each, now)
    return today, coming


def _judge(ahead: MaintenanceAhead, now: datetime) -> None:
    standing = standing_of(ahead.row, now=now)
    fired = fired_triggers(standing)
    if fired:
        ahead.gate, ahead.title = "abort", "An abort trigger has fired"
        ahead.reasons = [f"{trigger.text}: {trigger.why}" for trigger in fired]
    elif ahead.row.status == MaintenanceStatus.SCHEDULED:
        blockers = go_blockers(standing)
        ahead.reasons = [blocker.text for blocker in blockers]
        if blockers:
            ahead.gate, ahead.title = "no_go", f"No-go: {_things(len(blockers))} in the way"
        elif ahead.row.go_given_at:
            ahead.gate, ahead.title = "go", "Go has been given"
        else:
            ahead.gate, ahead.title = "wait", "Ready; the go has not been given yet"
    else:
        blockers = close_blockers(standing)
        ahead.reasons = [blocker.text for blocker in blockers]
        ahead.gate = "no_go" if blockers else "go"
        ahead.title = f"Not to be closed yet: {_things(len(blockers))} open" if blockers else "Ready to be closed"


def _things(count: int) -> str:
    return "1 thing" if count == 1 else f"{count} things"


def failing_checks(team: Team) -> list[CheckTransition]:
    """Checks of maintenance that is alive whose latest verdict is not passed; newest first."""
    alive = CheckTransition.objects.filter(
        check_definition__team=team,
        check_definition__archived_at=None,
        check_definition__checklist_step__maintenance__status__in=ALIVE,
    )
    # In a query of its own: a filter by state beside it would be applied first, and find failures long passed.
    latest = alive.values("check_definition_id", "location").order_by().annotate(latest=Max("pk")).values("latest")
    rows = (
        CheckTransition.objects.filter(pk__in=latest, to_state__in=[RunState.FAILED, RunState.ERRORED])
        .select_related("check_definition__checklist_step__maintenance", "run")
        .defer("run__result")
        .order_by("-at")
    )
    return list(rows[:AT_MOST])


def actions_of(user: User, team: Team, now: datetime) -> list[ActionItem]:
    """Unfinished actions of mine that are overdue, or regressed; the longest overdue first."""
    today = now.astimezone(zoneinfo.ZoneInfo(user.time_zone)).date()
    rows = ActionItem.objects.unfinished().filter(
        Q(due_on__lt=today) | Q(state="regressed"), owner=user, incident__team=team
    )
    return list(rows.select_related("incident").order_by(F("due_on").asc(nulls_last=True), "pk")[:AT_MOST])
