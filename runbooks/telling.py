"""What a team must be told about its maintenance: handed down to `notifications`, in the transaction of the change."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from notifications.outbox import tell
from runbooks.models import ChecklistStep, CheckTransition, Maintenance
from teams.actors import Actor
from teams.models import Team, User
from teams.roles import Role


def people_of(team: Team) -> Iterable[User]:
    """Whoever acts for the team: everybody from responder upwards. Viewers look by themselves."""
    return User.objects.filter(
        memberships__team=team, memberships__role__in=[Role.RESPONDER, Role.MAINTAINER, Role.ADMIN], is_active=True
    )


def path_of(maintenance: Maintenance, step: ChecklistStep | None = None) -> str:
    return f"/maintenance/{maintenance.key}/" + (f"#step-{step.position}" if step else "")


def tell_go(maintenance: Maintenance, *, actor: Actor, now: datetime) -> None:
    _tell(maintenance, f"go:{now.isoformat()}", f"Go: {maintenance.title}", f"{actor.name} has given the go.", now)


def tell_go_withdrawn(maintenance: Maintenance, given_at: datetime, *, actor: Actor, now: datetime) -> None:
    body = f"{actor.name} has taken back the go. The window may not be opened."
    _tell(maintenance, f"go-withdrawn:{given_at.isoformat()}", f"Go withdrawn: {maintenance.title}", body, now)


def tell_completed(maintenance: Maintenance, *, actor: Actor, now: datetime) -> None:
    body = f"{actor.name} has closed it: every after-check passed."
    _tell(maintenance, f"completed:{now.isoformat()}", f"Completed: {maintenance.title}", body, now)


def tell_rolled_back(maintenance: Maintenance, *, actor: Actor, now: datetime) -> None:
    body = f"{actor.name} is rolling it back. The reason given: {maintenance.status_reason}"
    _tell(maintenance, "rolled_back", f"Rolled back: {maintenance.title}", body, now)


def tell_cancelled(maintenance: Maintenance, *, actor: Actor, now: datetime) -> None:
    body = f"{actor.name} has called it off. The reason given: {maintenance.status_reason}"
    _tell(maintenance, f"cancelled:{now.isoformat()}", f"Cancelled: {maintenance.title}", body, now)


def tell_failing_check(transition: CheckTransition, step: ChecklistStep, *, reopened: bool, now: datetime) -> None:
    """A check of the gate or of the after phase does not pass any more, or not at all."""
    maintenance, definition = step.maintenance, transition.check_definition
    again = "The maintenance was completed; it is verifying again." if reopened else ""
    what = "has failed" if transition.to_state == "failed" else "could not be carried out"
    body = "\n".join(
        line
        for line in (
            f"The check “{definition.name}” of step {step.position}, “{step.title}”, {what} at {transition.location}.",
            f"What it saw: {transition.run.reason}" if transition.run.reason else "",
            again,
        )
        if line
    )
    tell(
        maintenance.team,
        key=f"maintenance-transition:{transition.pk}",
        subject=f"{maintenance.key}: {definition.name} {what}"[:200],
        body=body,
        path=path_of(maintenance, step),
        to=people_of(maintenance.team),
        now=now,
    )


def _tell(maintenance: Maintenance, event: str, subject: str, body: str, now: datetime) -> None:
    window = f"Window: {maintenance.starts_at:%Y-%m-%d %H:%M} to {maintenance.ends_at:%Y-%m-%d %H:%M} UTC."
    tell(
        maintenance.team,
        key=f"maintenance:{maintenance.key}:{event}",
        subject=f"{maintenance.key} {subject}"[:200],
        body=f"{body}\n{window}",
        path=path_of(maintenance),
        to=people_of(maintenance.team),
        now=now,
    )
