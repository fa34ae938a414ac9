"""One check run: what did we see? Also while it runs: the page asks again until there is a verdict."""

from __future__ import annotations

import ipaddress
import json
import re
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from checks.egress import special_range
from checks.expectations import ExpectationError, compile_expectation, evaluate
from checks.registry import KINDS
from checks.statistics import detection_power, failure_rate_interval
from runbooks.access import run_for
from runbooks.comparison import VOLATILE, rows
from runbooks.models import CheckRun, RunState
from teams.access import may
from teams.middleware import TeamRequest
from teams.roles import Role

FAULT_RATES = (0.05, 0.01, 0.001)
# Only what no zone covers; what is refused for every team (metadata services and the like), no zone lifts.
REFUSED_ADDRESS = re.compile(r"address refused: ([0-9a-fA-F.:]+) .*in no zone of this team")
NOT_OVER = (RunState.QUEUED, RunState.CLAIMED)


@dataclass(frozen=True)
class AttemptMark:
    state: str
    label: str


@never_cache
@require_GET
def run_page(request: TeamRequest, run_id: int) -> HttpResponse:
    """With `?version=` of the state shown: 204 while nothing changed, else the live part."""
    run = run_for(request.user, run_id)
    version = request.GET.get("version")
    if version is not None and version == _version(run):
        return HttpResponse(status=204)
    template = "runbooks/run.html" if version is None else "runbooks/_run_live.html"
    return render(request, template, _context(request, run))


def _version(run: CheckRun) -> str:
    return f"{run.state}.{run.token}"


def _context(request: TeamRequest, run: CheckRun) -> dict[str, Any]:
    definition = run.check_definition
    result: dict[str, Any] = run.result or {}
    baseline = (run.baseline.result or {}).get("observation") if run.baseline else None
    observation = result.get("observation") or {}
    return {
        "run": run,
        "definition": definition,
        "step": definition.checklist_step,
        "maintenance": definition.checklist_step.maintenance if definition.checklist_step else None,
        "version": _version(run),
        "is_over": run.state not in NOT_OVER,
        "rows": rows(observation, baseline) if observation else [],
        "has_baseline": baseline is not None,
        "volatile": VOLATILE,
        "expectations": result.get("expectations") or [],
        "attempts": _attempt_marks(run, result, baseline),
        "rate": _rate_in_words(run),
        "power": _power_in_words(run),
        "raw": json.dumps(observation, indent=2, ensure_ascii=False)[:100_000] if observation else "",
        "parameters": json.dumps(definition.parameters, indent=2, ensure_ascii=False),
        "claims": list(run.claims.all()),
        "zone_url": _zone_url(request, run),
        "earlier": _other_runs(run),
        "may_run": may(request.user, definition.team, Role.RESPONDER),
    }


def _attempt_marks(run: CheckRun, result: dict[str, Any], before: Any) -> list[AttemptMark]:
    """One mark per attempt whose observation is kept (the first hundred), judged again by the expectations."""
    kind = KINDS.get(run.check_definition.kind)
    if kind is None:
        return []
    try:
        compiled = [compile_expectation(kind.name, kind, text, "attempt") for text in run.check_definition.expect]
    except ExpectationError:
        return []
    marks = []
    for number, observation in enumerate(result.get("observations") or [], start=1):
        full = {**kind.empty_observation(), **observation}
        judged = [evaluate(one, full, before=before, variables=run.check_definition.variables) for one in compiled]
        wrong = [judgement for judgement in judged if judgement.verdict != "passed"]
        error_counts = full.get("error") is not None and not any(one.names_error for one in compiled)
        state = "failed" if error_counts else (wrong[0].verdict if wrong else "passed")
        reason = full.get("error") if error_counts else (wrong[0].reason if wrong else "")
        member = f" {full['member']}" if full.get("member") else ""
        marks.append(AttemptMark(state, f"{number}{member}: {state}{f', {reason}' if reason else ''}"[:200]))
    return marks


def _rate_in_words(run: CheckRun) -> str:
    """3 of 44 attempts failed: 6.8 % (95 % interval 1.4 to 18.7 %)."""
    if not run.attempts:
        return ""
    low, high = failure_rate_interval(run.failures, run.attempts)
    return (
        (
            f"{run.failures} of {run.attempts} {'attempt' if run.attempts == 1 else 'attempts'} failed: "
            f"{run.failures / run.attempts:.1%} (95 % interval {low:.1%} to {high:.1%})"
        )
        .replace("%", " %")
        .replace("  %", " %")
    )


def _power_in_words(run: CheckRun) -> str:
    """What so many attempts, none failing, can see."""
    if not run.attempts or run.check_definition.max_failures:
        return ""
    first, *others = [
        (f"{rate * 100:g} %", f"{detection_power(run.attempts, rate) * 100:.2g} %") for rate in FAULT_RATES
    ]
    attempts = "One attempt has" if run.attempts == 1 else f"{run.attempts:,} attempts have"
    more = ", ".join(f"{share}: {chance}" for share, chance in others)
    return f"{attempts} a {first[1]} chance to show a fault that hits {first[0]} of attempts ({more})."


def _zone_url(request: TeamRequest, run: CheckRun) -> str:
    """Where an admin allows the network that the policy refused; "" where nothing can be allowed."""
    refused = REFUSED_ADDRESS.search(run.reason) if run.state == RunState.ERRORED else None
    if refused is None or not may(request.user, run.check_definition.team, Role.ADMIN):
        return ""
    try:
        suggestion = special_range(ipaddress.ip_address(refused[1].rstrip(":")))
        return f"{reverse('teams:zone_from_refusal')}?cidr={suggestion[1]}" if suggestion else ""
    except (ValueError, NoReverseMatch):
        return ""


def _other_runs(run: CheckRun) -> list[CheckRun]:
    """The runs of the same check at the same place, oldest first."""
    runs = CheckRun.objects.filter(check_definition=run.check_definition, location=run.location).defer("result")
    return list(reversed(runs.order_by("-pk")[:30]))
