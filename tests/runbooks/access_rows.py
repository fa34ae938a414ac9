"""Who may do what with runbooks, maintenance and runs."""

from __future__ import annotations

from typing import Any

from runbooks.ledger import enqueue_runs
from teams.roles import Role
from tests.access_matrix import Row, from_role, signed_in
from tests.runbooks.maintenance_world import VARIABLES, definitions_of, make_runbook, plan
from tests.world import World

# A state change by every role in turn: each has an effect of its own or is refused by a rule, which is no 403.
DONE = 302


def furnish(world: World) -> None:
    runbook = make_runbook(world, slug="access-runbook")
    maintenance = plan(world, runbook)
    world.made["runbook"], world.made["maintenance"] = runbook, maintenance
    definition = definitions_of(maintenance, "before")[0]
    world.made["check_definition"] = definition
    world.made["run"] = enqueue_runs(
        [definition], scheduled_for=world.now, urgent=False, requested_by=None, now=world.now
    )[0]


def _key(world: World) -> dict[str, Any]:
    return {"key": world.made["maintenance"].key}


def _step(world: World) -> dict[str, Any]:
    return {**_key(world), "position": 2}


def _runbook(world: World) -> dict[str, Any]:
    return {"team_slug": world.team.slug, "slug": world.made["runbook"].slug}


def _plan_data(world: World) -> dict[str, Any]:
    window = {"starts_at": "2026-11-21T22:00", "ends_at": "2026-11-21T23:30", "time_zone": "Europe/Berlin"}
    variables = {f"variable-{name}": value for name, value in VARIABLES.items()}
    return {"runbook": "access-runbook", "services": [world.service.pk], **window, **variables}


_FOR_MAINTAINERS = {"anonymous": 302, "outsider": 200, "viewer": 403, "responder": 403, "maintainer": 200, "admin": 200}

ROWS: dict[str, Row | list[Row]] = {
    "runbooks:maintenance_list": Row(signed_in()),
    # An outsider plans for the own team, which has no runbook of that name: the page to choose one.
    "runbooks:plan": [
        Row(_FOR_MAINTAINERS),
        Row({**_FOR_MAINTAINERS, "maintainer": DONE, "admin": DONE}, method="POST", data=_plan_data),
    ],
    "runbooks:maintenance": Row(from_role(Role.VIEWER), kwargs=_key),
    "runbooks:live": Row(from_role(Role.VIEWER), kwargs=_key),
    "runbooks:history": Row(from_role(Role.VIEWER), kwargs=_key),
    "runbooks:change_status": [
        Row(from_role(Role.MAINTAINER, success=DONE), method="POST", kwargs=_key, data={"action": "go"}),
        Row(from_role(Role.MAINTAINER, success=DONE), method="POST", kwargs=_key, data={"action": "withdraw"}),
        Row(from_role(Role.RESPONDER, success=DONE), method="POST", kwargs=_key, data={"action": "start"}),
        Row(from_role(Role.RESPONDER, success=DONE), method="POST", kwargs=_key, data={"action": "verify"}),
        Row(from_role(Role.RESPONDER, success=DONE), method="POST", kwargs=_key, data={"action": "complete"}),
        Row(from_role(Role.MAINTAINER, success=DONE), method="POST", kwargs=_key, data={"action": "reopen"}),
    ],
    "runbooks:abort": [
        Row(from_role(Role.RESPONDER), kwargs=_key),
        Row(from_role(Role.RESPONDER, success=422), method="POST", kwargs=_key, data={"reason": " "}),
    ],
    "runbooks:run_checks": Row(
        from_role(Role.RESPONDER, success=DONE), method="POST", kwargs=_key, data={"phase": "before"}
    ),
    "runbooks:add_step": Row(
        from_role(Role.RESPONDER, success=DONE), method="POST", kwargs=_key, data={"phase": "before", "title": "Ask"}
    ),
    "runbooks:change_step": Row(
        from_role(Role.RESPONDER, success=DONE), method="POST", kwargs=_step, data={"action": "note", "text": "seen"}
    ),
    "runbooks:undo_step": Row(from_role(Role.RESPONDER, success=DONE), method="POST", kwargs=_step),
    "runbooks:run": Row(from_role(Role.VIEWER), kwargs=lambda world: {"run_id": world.made["run"].pk}),
    "runbooks:list": Row(signed_in()),
    "runbooks:new": Row(_FOR_MAINTAINERS),
    "runbooks:load_shipped": Row(
        {**_FOR_MAINTAINERS, "outsider": DONE, "maintainer": DONE, "admin": DONE}, method="POST"
    ),
    "runbooks:runbook": Row(from_role(Role.VIEWER), kwargs=_runbook),
    "runbooks:versions": Row(from_role(Role.VIEWER), kwargs=_runbook),
    "runbooks:download": Row(from_role(Role.VIEWER), kwargs=_runbook),
    "runbooks:edit": [
        Row(from_role(Role.MAINTAINER), kwargs=_runbook),
        Row(from_role(Role.MAINTAINER, success=422), method="POST", kwargs=_runbook, data={"action": "save"}),
    ],
    "runbooks:copy": Row(from_role(Role.MAINTAINER, success=DONE), method="POST", kwargs=_runbook),
    "runbooks:archive": Row(from_role(Role.MAINTAINER, success=DONE), method="POST", kwargs=_runbook),
    "runbooks:unarchive": Row(from_role(Role.MAINTAINER, success=DONE), method="POST", kwargs=_runbook),
    "runbooks:try": Row(from_role(Role.MAINTAINER), kwargs=_runbook, data={"step": "baseline", "check": "0"}),
}
