"""The actions of a team by state: what is rotting?"""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from incidents.actions import NOT_FINISHED
from incidents.lesson_results import latest_results
from incidents.lessons import is_evidence_ready
from incidents.models import ActionItem, ActionState
from incidents.views.actions import is_overdue
from teams.middleware import TeamRequest
from teams.models import Team, User

COLUMNS = (
    ActionState.REGRESSED,
    ActionState.PROPOSED,
    ActionState.OUTSTANDING,
    ActionState.DONE,
    ActionState.VERIFIED,
    ActionState.NOT_DOING,
)
CARDS_PER_COLUMN = 50
FILTERS = (("all", "All"), ("mine", "Mine"), ("overdue", "Overdue"))


@require_GET
def board(request: TeamRequest) -> HttpResponse:
    if request.team is None:
        return render(request, "incidents/no_team.html")
    chosen = request.GET.get("show", "all")
    columns = [_column(request.team, request.user, state, chosen) for state in COLUMNS]
    cards = [card for column in columns for card in column["cards"]]
    results = latest_results([card["action"] for card in cards])
    for card in cards:
        card["steps"] = results.get(card["action"].pk, [])
    context = {
        "columns": [column for column in columns if column["count"] or column["state"] in NOT_FINISHED],
        "is_empty": not cards,
        "chosen": chosen,
        "filters": FILTERS,
    }
    return render(request, "incidents/action_board.html", context)


def _column(team: Team, user: User, state: ActionState, chosen: str) -> dict[str, Any]:
    """One state, the oldest first: what has waited longest stands on top."""
    today = timezone.localdate()
    found = ActionItem.objects.present().filter(incident__team=team, state=state)
    if chosen == "mine":
        found = found.filter(owner=user)
    elif chosen == "overdue":
        found = found.filter(due_on__lt=today, state__in=NOT_FINISHED)
    shown = list(found.select_related("incident", "owner").order_by("state_changed_at")[: CARDS_PER_COLUMN + 1])
    return {
        "state": state.value,
        "label": state.label,
        "count": len(shown),
        "has_more": len(shown) > CARDS_PER_COLUMN,
        "cards": [
            {
                "action": action,
                "is_overdue": is_overdue(action, today),
                "awaits_confirmation": action.state == ActionState.DONE and is_evidence_ready(action),
            }
            for action in shown[:CARDS_PER_COLUMN]
        ],
    }
