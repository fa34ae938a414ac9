"""The card at the top of a maintenance: may one go on, and what stands in the way?"""

from __future__ import annotations

from dataclasses import dataclass, field

from runbooks.gates import Blocker, FiredTrigger, close_blockers, go_blockers
from runbooks.models import MaintenanceStatus
from runbooks.progress import Standing

SHOWN = 8


@dataclass(frozen=True)
class GateCard:
    state: str
    """go, no_go, abort or wait, as the component knows them."""
    title: str
    reasons: list[dict[str, str]] = field(default_factory=list)
    is_open: bool = False
    """Whether the next button may be pressed."""


def gate_card(standing: Standing, fired: list[FiredTrigger]) -> GateCard:
    maintenance = standing.maintenance
    if fired:
        reasons = [{"text": f"{trigger.text} ({trigger.why})"} for trigger in fired]
        return GateCard("abort", "Abort: a trigger agreed on beforehand has fired", reasons, is_open=True)
    match maintenance.status:
        case MaintenanceStatus.SCHEDULED:
            return _before_the_window(standing)
        case MaintenanceStatus.IN_PROGRESS:
            undone = [step for step in standing.of_phase("during") if not step.is_complete]
            if undone:
                count = "1 step is" if len(undone) == 1 else f"{len(undone)} steps are"
                return GateCard("wait", f"The window is open: {count} still to do")
            return GateCard("go", "The work is done: verify it", is_open=True)
        case MaintenanceStatus.VERIFYING:
            blockers = close_blockers(standing)
            if blockers:
                return GateCard("no_go", f"Not to be closed yet: {_things(blockers)}", _reasons(blockers))
            return GateCard("go", "Every after-check passed: it can be closed", is_open=True)
    return GateCard("wait", f"{maintenance.get_status_display()}", _ending(standing))


def _before_the_window(standing: Standing) -> GateCard:
    maintenance = standing.maintenance
    blockers = go_blockers(standing)
    given = maintenance.go_given_at is not None
    if blockers:
        title = "The go was given and no longer holds" if given else "No-go"
        return GateCard("no_go", f"{title}: {_things(blockers)}", _reasons(blockers))
    if given:
        return GateCard("go", f"Go, given by {maintenance.go_given_by or 'somebody who has left'}", is_open=True)
    return GateCard("go", "Nothing stands in the way: it waits for the go", is_open=True)


def _things(blockers: list[Blocker]) -> str:
    return "1 thing stands in the way" if len(blockers) == 1 else f"{len(blockers)} things stand in the way"


def _reasons(blockers: list[Blocker]) -> list[dict[str, str]]:
    reasons = [
        {"text": blocker.text, "url": f"#step-{blocker.step.position}" if blocker.step else ""}
        for blocker in blockers[:SHOWN]
    ]
    if len(blockers) > SHOWN:
        reasons.append({"text": f"and {len(blockers) - SHOWN} more", "url": ""})
    return reasons


def _ending(standing: Standing) -> list[dict[str, str]]:
    reason = standing.maintenance.status_reason
    return [{"text": reason[:300], "url": ""}] if reason else []
