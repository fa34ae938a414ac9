"""Make a maintenance with its checklist from a runbook."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from runbooks.command_line import (
    refuse,
    the_environment,
    the_instant,
    the_person,
    the_runbook,
    the_services,
    the_variables,
)
from runbooks.generation import GenerationError, generate
from runbooks.models import Maintenance
from teams.actors import HINDSIGHT, Actor


class Command(BaseCommand):
    help = "Make a maintenance with its checklist from a runbook. Prints its key; exit code 2 says what is wrong."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("runbook", metavar="RUNBOOK", help="slug of the runbook")
        parser.add_argument("--team", metavar="SLUG", help="needed only when several teams have such a runbook")
        parser.add_argument("--service", action="append", default=[], required=True, metavar="SLUG")
        parser.add_argument("--environment", metavar="NAME", help="such as PROD")
        parser.add_argument("--starts-at", required=True, metavar="TIME", help="such as 2026-11-21T22:00")
        parser.add_argument("--ends-at", required=True, metavar="TIME")
        parser.add_argument("--timezone", metavar="ZONE", help="of times without offset; the team's if left out")
        parser.add_argument("--var", action="append", default=[], metavar="NAME=VALUE", help="a list is a,b or [a,b]")
        parser.add_argument("--title", default="", help="the runbook's title if left out")
        parser.add_argument("--requested-by", metavar="EMAIL", help="somebody else then gives the go")
        parser.add_argument("--json", action="store_true", help="print the checklist as one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        runbook = the_runbook(options["runbook"], options["team"])
        assert runbook.current is not None
        zone = options["timezone"] or runbook.team.time_zone
        person = the_person(options["requested_by"])
        try:
            maintenance = generate(
                runbook.current,
                team=runbook.team,
                services=the_services(runbook.team, options["service"]),
                environment=the_environment(runbook.team, options["environment"]),
                starts_at=the_instant(options["starts_at"], zone, "--starts-at"),
                ends_at=the_instant(options["ends_at"], zone, "--ends-at"),
                time_zone=zone,
                variables=the_variables(options["var"]),
                title=options["title"],
                requested_by=person,
                actor=Actor.person(person) if person else HINDSIGHT,
                now=timezone.now(),
            )
        except GenerationError as error:
            raise refuse("\n".join(_as_option(str(problem)) for problem in error.problems)) from None
        self.stdout.write(json.dumps(as_json(maintenance), indent=2) if options["json"] else _summary(maintenance))


def _as_option(problem: str) -> str:
    """Fields of the plan as the command calls them."""
    for field, option in (("variable-", "--var "), ("starts_at", "--starts-at"), ("ends_at", "--ends-at")):
        problem = problem.replace(field, option, 1) if problem.startswith(field) else problem
    return problem


def _summary(maintenance: Maintenance) -> str:
    return f"{maintenance.key} {maintenance.title}: {maintenance.steps.count()} steps, /maintenance/{maintenance.key}/"


def as_json(maintenance: Maintenance) -> dict[str, Any]:
    """The checklist as the command prints it."""
    steps = maintenance.steps.prefetch_related("check_definitions").order_by("position")
    return {
        "key": maintenance.key,
        "title": maintenance.title,
        "path": f"/maintenance/{maintenance.key}/",
        "status": maintenance.status,
        "starts_at": maintenance.starts_at.isoformat(),
        "ends_at": maintenance.ends_at.isoformat(),
        "timezone": maintenance.time_zone,
        "variables": maintenance.variables,
        "steps": [
            {
                "position": step.position,
                "phase": step.phase,
                "key": step.step_key,
                "member": step.member,
                "title": step.title,
                "gate": step.is_gate,
                "due_at": step.due_at.isoformat() if step.due_at else None,
                "origins": step.origins,
                "checks": [
                    {
                        "id": check.pk,
                        "name": check.name,
                        "kind": check.kind,
                        "parameters": check.parameters,
                        "expect": check.expect,
                        "expect_run": check.expect_run,
                        "baseline": check.is_baseline,
                        "compare_with": check.compare_with_id,
                    }
                    for check in step.check_definitions.all()
                ],
            }
            for step in steps
        ],
    }
