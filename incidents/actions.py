"""Action items: what will be done so that it does not happen again, and how far it is."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.db import transaction
from django.db.models import Max

from incidents import changes
from incidents.changes import check_text
from incidents.models import ActionItem, ActionState, ActionType, Incident, Severity
from teams import audit
from teams.access import role_in
from teams.actors import Actor
from teams.models import User
from teams.refusals import Refused
from teams.versions import save_if_unchanged

A = ActionState
# Verified and regressed are not chosen: they follow from check runs (`incidents.lessons`).
NEXT: dict[str, tuple[ActionState, ...]] = {
    A.PROPOSED: (A.OUTSTANDING, A.DONE, A.NOT_DOING),
    A.OUTSTANDING: (A.DONE, A.PROPOSED, A.NOT_DOING),
    A.DONE: (A.OUTSTANDING, A.NOT_DOING),
    A.VERIFIED: (A.OUTSTANDING,),
    A.REGRESSED: (A.OUTSTANDING, A.DONE, A.NOT_DOING),
    A.NOT_DOING: (A.OUTSTANDING, A.PROPOSED),
}
NOT_FINISHED = (A.PROPOSED, A.OUTSTANDING, A.REGRESSED)
PRIORITIES = ("high", "medium", "low")
# Offered as the due date of a new action, in days from today; a person may set another or none.
DUE_AFTER_DAYS = {
    Severity.SEV1: 14,
    Severity.SEV2: 30,
    Severity.SEV3: 60,
    Severity.SEV4: 90,
    Severity.SEV5: 90,
    Severity.UNKNOWN: 30,
}


def suggested_due_date(incident: Incident, today: date) -> date:
    return today + timedelta(days=DUE_AFTER_DAYS[Severity(incident.severity)])


def add_action(
    incident: Incident,
    text: str,
    *,
    actor: Actor,
    now: datetime,
    type: str = ActionType.PREVENT,
    priority: str = "medium",
    state: str = ActionState.OUTSTANDING,
    owner: User | None = None,
    due_on: date | None = None,
    ticket_url: str = "",
    reason: str = "",
) -> ActionItem:
    """Add an action item. `state`: proposed, outstanding, done, or not doing with a reason. Raises `Refused`."""
    if state not in (A.PROPOSED, A.OUTSTANDING, A.DONE, A.NOT_DOING):
        raise Refused("A new action is proposed, outstanding, done or not doing.", "state")
    values = _checked(incident, text, type, priority, owner, due_on, ticket_url)
    reason = _checked_reason(state, reason)
    with transaction.atomic():
        Incident.objects.select_for_update().get(pk=incident.pk)  # two at once get two numbers
        # Numbers are never given twice: removed actions count.
        number = (incident.actions.aggregate(last=Max("number"))["last"] or 0) + 1
        action = ActionItem.objects.create(
            incident=incident,
            number=number,
            state=state,
            reason=reason,
            created_at=now,
            state_changed_at=now,
            **values,
        )
        changes.record(
            incident,
            "action.added",
            f"Action {number} added: {action.get_type_display().lower()}",
            actor=actor,
            now=now,
            after={**_for_history(action), "state": state},
        )
    return action


def edit_action(
    action: ActionItem,
    expected_version: int,
    *,
    text: str,
    type: str,
    priority: str,
    owner: User | None,
    due_on: date | None,
    ticket_url: str,
    actor: Actor,
    now: datetime,
) -> None:
    """Raises `Refused`, or `EditConflict` when somebody else saved meanwhile."""
    values = _checked(action.incident, text, type, priority, owner, due_on, ticket_url)
    before = _for_history(action)
    with transaction.atomic():
        save_if_unchanged(action, expected_version, **values)
        changes.record(
            action.incident,
            "action.edited",
            f"Action {action.number} edited",
            actor=actor,
            now=now,
            before=before,
            after=_for_history(action),
        )


def change_state(action: ActionItem, to: str, *, actor: Actor, now: datetime, reason: str = "") -> None:
    """Move an action to another state. Not doing needs a reason; verified is reached by `lessons.confirm_verified`.

    Going back to outstanding forgets the runs that spoke for the old work. Raises `Refused`.
    """
    if to == A.VERIFIED:
        raise Refused("Verified follows from a linked check: it must have failed before and pass now.", "state")
    if to not in NEXT[action.state]:
        label = action.get_state_display().lower()
        raise Refused(f"An action that is {label} cannot become “{to[:20].replace('_', ' ')}”.", "state")
    reason = _checked_reason(to, reason)
    values: dict[str, Any] = {"reason": reason}
    if to in (A.OUTSTANDING, A.PROPOSED):
        values.update(verified_by=None, passing_run=None, regressing_run=None)
    move(action, to, f"Action {action.number}: {ActionState(to).label.lower()}", actor=actor, now=now, **values)


def move(action: ActionItem, to: str, summary: str, *, actor: Actor, now: datetime, **values: Any) -> None:
    """One guarded change of state with its history row. Raises `Refused` when somebody else was faster."""
    current = action.state
    with transaction.atomic():
        save_guarded = ActionItem.objects.filter(pk=action.pk, state=current, version=action.version)
        if not save_guarded.update(state=to, state_changed_at=now, version=action.version + 1, **values):
            raise Refused("Somebody else just changed this action; look at it again.", "state")
        action.state, action.state_changed_at, action.version = to, now, action.version + 1
        for name, value in values.items():
            setattr(action, name, value)
        reason = values.get("reason") or ""
        changes.record(
            action.incident,
            "action.state",
            summary,
            actor=actor,
            now=now,
            before={"state": current},
            after={"state": to, "reason": audit.free_text(reason) if reason else None},
        )


def _checked(
    incident: Incident, text: str, type: str, priority: str, owner: User | None, due_on: date | None, ticket_url: str
) -> dict[str, Any]:
    if type not in ActionType.values:
        raise Refused(f"“{type[:20]}” is not a type of action.", "type")
    if priority not in PRIORITIES:
        raise Refused(f"“{priority[:20]}” is not a priority.", "priority")
    if owner is not None and role_in(owner, incident.team) is None:
        raise Refused(f"{owner} is not a member of {incident.team}.", "owner")
    ticket_url = ticket_url.strip()
    if ticket_url and (len(ticket_url) > 400 or not _is_web_address(ticket_url)):
        raise Refused(
            "The ticket's address must begin with http:// or https:// and have at most 400 characters.", "ticket_url"
        )
    return {
        "text": check_text(text, what="The action"),
        "type": type,
        "priority": priority,
        "owner": owner,
        "due_on": due_on,
        "ticket_url": ticket_url,
    }


def _is_web_address(text: str) -> bool:
    try:
        return urlsplit(text).scheme in ("http", "https")
    except ValueError:  # such as http://[
        return False


def _checked_reason(state: str, reason: str) -> str:
    reason = check_text(reason, "reason", required=False, what="The reason")
    if state == A.NOT_DOING and not reason:
        raise Refused("Say why it will not be done: whoever meets the next incident will ask.", "reason")
    return reason if state == A.NOT_DOING else ""


def _for_history(action: ActionItem) -> dict[str, Any]:
    return {
        "text": audit.free_text(action.text),
        "type": action.type,
        "priority": action.priority,
        "owner": action.owner_id,
        "due_on": action.due_on,
        "ticket_url": audit.free_text(action.ticket_url) if action.ticket_url else None,
    }
