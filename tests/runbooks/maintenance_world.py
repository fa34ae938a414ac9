"""A runbook, a maintenance made from it, and verdicts that go through the ledger."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from runbooks import ledger, step_changes
from runbooks.document import RunbookDocument
from runbooks.editing import create_runbook
from runbooks.generation import generate
from runbooks.models import CheckDefinition, ChecklistStep, CheckRun, Maintenance, Runbook
from runbooks.validation import read_valid
from tests.runbooks.ledger_world import verdict
from tests.world import World

SMALL = """
title: Move {{ hostname }}
summary: Moves it.
variables:
  - {name: hostname, type: hostname}
  - {name: new_addresses, type: addresses}
  - {name: path, default: /health}
steps:
  - key: baseline
    phase: before
    title: Take the baseline
    gate: true
    checks:
      - name: front page
        kind: http
        parameters: {url: "http://{{ hostname }}{{ path }}"}
        expect: [status == 200]
        baseline: true
        fresh_for_minutes: 60
  - key: agree
    phase: before
    title: Agree on the way back
    sign_offs: 1
  - key: switch
    phase: during
    title: Switch {{ hostname }}
    rollback: Point {{ hostname }} back.
    point_of_no_return: true
    at: T+0
    checks:
      - name: still there
        kind: http
        parameters: {url: "http://{{ hostname }}/"}
        expect: [status < 500]
  - key: by-address
    phase: after
    title: Every address answers
    origins:
      - {label: INC-1, path: /incidents/INC-1/, reason: "names were managed elsewhere"}
    checks:
      - name: front page at
        kind: http
        for_each: new_addresses
        parameters: {url: "http://{{ hostname }}{{ path }}", connect_to: "{{ each }}"}
        compare_with: front page
        expect: [status == before.status]
abort_triggers:
  - {kind: cutoff, minutes_before_end: 30, text: Not done half an hour before the end}
  - {kind: check, check: still there, text: "{{ hostname }} is gone"}
  - {kind: person, text: Somebody has doubts}
"""
VARIABLES = {"hostname": "chat.example.com", "new_addresses": "192.0.2.8, 192.0.2.7"}


def small_document(**changes: Any) -> RunbookDocument:
    return read_valid(SMALL).model_copy(update=changes)


def make_runbook(world: World, document: RunbookDocument | None = None, slug: str = "move") -> Runbook:
    return create_runbook(
        world.team, document or small_document(), slug=slug, actor=world.actor("maintainer"), now=world.now
    )


def plan(world: World, runbook: Runbook | None = None, **changes: Any) -> Maintenance:
    """A maintenance asked for by the maintainer; the admin may give the go. Its window opens in an hour."""
    runbook = runbook or make_runbook(world)
    assert runbook.current is not None
    options: dict[str, Any] = {
        "team": world.team,
        "services": [world.service],
        "environment": None,
        "starts_at": world.now + timedelta(hours=1),
        "ends_at": world.now + timedelta(hours=3),
        "time_zone": "Europe/Berlin",
        "variables": VARIABLES,
        "requested_by": world.people["maintainer"],
        "actor": world.actor("maintainer"),
        "now": world.now,
    }
    return generate(runbook.current, **(options | changes))


def give_verdict(definition: CheckDefinition, state: str, at: datetime, **fields: Any) -> CheckRun:
    """Queue the check, claim it and finish it with this state, as a worker would."""
    run = ledger.enqueue_runs([definition], scheduled_for=at, urgent=True, requested_by=None, now=at)[0]
    claimed = next(c for c in ledger.claim("default", "w1", 1000, at) if c.run_id == run.pk)
    assert ledger.finish([verdict(claimed, state, at, **fields)], at) == 1
    run.refresh_from_db()
    return run


def step_at(maintenance: Maintenance, position: int) -> ChecklistStep:
    return ChecklistStep.objects.select_related("maintenance__team").get(maintenance=maintenance, position=position)


def definitions_of(maintenance: Maintenance, phase: str) -> list[CheckDefinition]:
    return list(
        CheckDefinition.objects.filter(checklist_step__maintenance=maintenance, checklist_step__phase=phase).order_by(
            "pk"
        )
    )


def pass_checks(maintenance: Maintenance, phase: str, at: datetime) -> None:
    for definition in definitions_of(maintenance, phase):
        give_verdict(definition, "passed", at)


def ready_for_go(world: World, maintenance: Maintenance, at: datetime | None = None) -> None:
    """Every before-step of the small runbook done and signed off, its gate check passed."""
    at = at or world.now
    pass_checks(maintenance, "before", at)
    for position in (1, 2):
        step_changes.tick(step_at(maintenance, position), actor=world.actor("maintainer"), now=at)
    step_changes.sign_off(step_at(maintenance, 2), actor=world.actor("responder"), now=at)
