"""Try a check of a runbook now, with values for its variables, to see what it sees. It runs on a worker."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from runbooks.access import runbook_for
from runbooks.document import Check, RunbookDocument, Step, Variable
from runbooks.forms import variable_field
from runbooks.given_variables import FIELD_PREFIX, read_variables
from runbooks.models import Runbook
from runbooks.run_requests import try_once
from runbooks.specifications import problems_with_places
from runbooks.unfolding import unfold_check_alone
from runbooks.variables import placeholders
from teams.actors import Actor
from teams.middleware import TeamRequest
from teams.roles import Role


class TrialForm(forms.Form):
    """Values for the variables that the check uses, and its expectations, one a line."""

    expect = forms.CharField(
        label="Expectations",
        required=False,
        max_length=20_000,
        help_text="One CEL expression a line. Changes here are for this try only.",
        widget=forms.Textarea(attrs={"rows": 3, "class": "input-mono"}),
    )

    def __init__(self, *args: Any, variables: list[Variable], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for variable in variables:
            self.fields[FIELD_PREFIX + variable.name] = variable_field(variable)
        self.order_fields([FIELD_PREFIX + variable.name for variable in variables])


@require_http_methods(["GET", "POST"])
def try_check(request: TeamRequest, team_slug: str, slug: str) -> HttpResponse:
    """`?step=KEY&check=INDEX` names the check within the current version."""
    runbook = runbook_for(request.user, team_slug, slug, Role.MAINTAINER)
    assert runbook.current is not None
    document = runbook.current.document
    step, check = _chosen(document, request.GET.get("step", ""), request.GET.get("check", ""))
    used = used_variables(document, step, check)
    form = TrialForm(request.POST or None, variables=used, initial={"expect": "\n".join(check.expect)})
    if request.method == "POST" and form.is_valid():
        run_id = _started(request, runbook, document, step, check, form)
        if run_id is not None:
            return redirect("runbooks:run", run_id)
    context = {"runbook": runbook, "step": step, "check": check, "form": form}
    return render(request, "runbooks/try.html", context, status=422 if form.is_bound else 200)


def _chosen(document: RunbookDocument, key: str, index: str) -> tuple[Step, Check]:
    step = next((step for step in document.steps if step.key == key), None)
    number = int(index) if index.isascii() and index.isdigit() and len(index) < 4 else -1
    if step is None or not 0 <= number < len(step.checks):
        raise Http404("This runbook has no such check; it may have been changed meanwhile.")
    return step, step.checks[number]


def used_variables(document: RunbookDocument, step: Step, check: Check) -> list[Variable]:
    """The variables that the check's parameters, expectations and for_each ask for, and those their defaults need."""
    wanted = set(placeholders(check.parameters)) | {check.for_each, step.for_each}
    wanted |= {name for text in (*check.expect, *check.expect_run) for name in re.findall(r"\bvars\.(\w+)", text)}
    for variable in reversed(document.variables):  # a default names only what stands before it
        if variable.name in wanted:
            wanted |= set(placeholders(variable.default))
    return [variable for variable in document.variables if variable.name in wanted]


def _started(
    request: TeamRequest, runbook: Runbook, document: RunbookDocument, step: Step, check: Check, form: TrialForm
) -> int | None:
    """Queue it; None with the form's errors filled in."""
    used = used_variables(document, step, check)
    given = {variable.name: form.cleaned_data[FIELD_PREFIX + variable.name] for variable in used}
    names = list(runbook.team.environments.values_list("short_name", flat=True))
    values, problems = read_variables(document.model_copy(update={"variables": used}), given, names)
    for problem in problems:
        form.add_error(problem.field if problem.field in form.fields else None, problem.message)
    if problems:
        return None
    expect = [line.strip() for line in form.cleaned_data["expect"].splitlines() if line.strip()]
    tried = unfold_check_alone(step, check.model_copy(update={"expect": expect}), values)
    for path, message in problems_with_places((), tried.check, tried.parameters, tried.variables):
        form.add_error("expect" if path and path[0] == "expect" else None, message)
    if form.errors:
        return None
    return try_once(runbook.team, tried, actor=Actor.of(request), now=timezone.now()).pk
