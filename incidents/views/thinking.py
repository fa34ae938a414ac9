"""What people add to the analysis: factors, hypotheses, evidence, silent checks, corrections of timestamps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms as django_forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from incidents import corrections, thinking
from incidents.access import incident_for, part_of
from incidents.figures import figures_of, overrides_of
from incidents.forms.fields import show_refusal
from incidents.forms.thinking import CorrectionForm, EvidenceForm, FactorForm, HypothesisForm, SilentCheckForm
from incidents.key_timestamps import FIELD_LABELS
from incidents.models import ContributingFactor, Hypothesis, TimestampOverride
from incidents.views.analysis import analysis_page
from incidents.views.frame import frame_of
from runbooks.models import CheckRun
from teams.actors import Actor
from teams.middleware import TeamRequest
from teams.models import Versioned
from teams.refusals import Refused
from teams.roles import Role
from teams.versions import EditConflict


@require_POST
def factor_add(request: TeamRequest, key: str) -> HttpResponse:
    incident = incident_for(request.user, key, Role.RESPONDER)
    form = FactorForm(request.POST)
    if _saved(form, lambda text, kind, version: thinking.add_factor(incident, text, kind, **_by(request))):
        return redirect(f"{reverse('incidents:analysis', args=[key])}#factors")
    return analysis_page(request, incident, factor_form=form, status=422)


@require_http_methods(["GET", "POST"])
def factor_edit(request: TeamRequest, key: str, row_id: int) -> HttpResponse:
    incident = incident_for(request.user, key, Role.RESPONDER)
    factor = part_of(ContributingFactor, incident, pk=row_id)
    initial = {"text": factor.text, "kind": factor.kind, "version": factor.version}
    form = FactorForm(request.POST or None, initial=initial)

    def save(text: str, kind: str, version: int | None) -> None:
        thinking.edit_factor(factor, version or 0, text=text, kind=kind, **_by(request))

    return _edit_page(request, incident, form, save, "Contributing factor", "factors")


@require_POST
def hypothesis_add(request: TeamRequest, key: str) -> HttpResponse:
    incident = incident_for(request.user, key, Role.RESPONDER)
    form = HypothesisForm(request.POST)
    if _saved(form, lambda statement, **_: thinking.add_hypothesis(incident, statement, **_by(request))):
        return redirect(f"{reverse('incidents:analysis', args=[key])}#hypotheses")
    return analysis_page(request, incident, hypothesis_form=form, status=422)


@require_http_methods(["GET", "POST"])
def hypothesis_edit(request: TeamRequest, key: str, row_id: int) -> HttpResponse:
    incident = incident_for(request.user, key, Role.RESPONDER)
    hypothesis = part_of(Hypothesis, incident, pk=row_id)
    initial = {"statement": hypothesis.statement, "state": hypothesis.state, "version": hypothesis.version}
    form = HypothesisForm(request.POST or None, initial=initial)

    def save(statement: str, state: str, version: int | None) -> None:
        thinking.edit_hypothesis(
            hypothesis, version or 0, statement=statement, state=state or hypothesis.state, **_by(request)
        )

    return _edit_page(request, incident, form, save, "Hypothesis", "hypotheses")


@require_POST
def evidence_add(request: TeamRequest, key: str, row_id: int) -> HttpResponse:
    incident = incident_for(request.user, key, Role.RESPONDER)
    hypothesis = part_of(Hypothesis, incident, pk=row_id)
    form = EvidenceForm(incident, request.POST)

    def save(text: str, speaks: str, entry: Any, attachment: Any, run: int | None) -> None:
        cited = CheckRun.objects.filter(pk=run, check_definition__team=incident.team).first() if run else None
        if run and cited is None:
            raise Refused(f"There is no check run {run} of this team.", "run")
        thinking.add_evidence(
            hypothesis,
            speaks_for=speaks == "for",
            text=text,
            entry=entry,
            attachment=attachment,
            run=cited,
            **_by(request),
        )

    if _saved(form, save):
        return redirect(f"{reverse('incidents:analysis', args=[key])}#hypothesis-{row_id}")
    return analysis_page(request, incident, evidence_form=form, evidence_of=hypothesis, status=422)


@require_POST
def silence_add(request: TeamRequest, key: str) -> HttpResponse:
    incident = incident_for(request.user, key, Role.RESPONDER)
    form = SilentCheckForm(incident.team, request.POST)
    if _saved(form, lambda **values: thinking.add_silent_check(incident, **values, **_by(request))):
        return redirect(f"{reverse('incidents:analysis', args=[key])}#silent")
    return analysis_page(request, incident, silent_form=form, status=422)


@require_http_methods(["GET", "POST"])
def correct(request: TeamRequest, key: str) -> HttpResponse:
    """Key timestamps set against the entries, each with its reason; and the way back."""
    incident = incident_for(request.user, key, Role.RESPONDER)
    form = CorrectionForm(incident.team, request.POST or None, initial={"field": request.GET.get("field", "")})

    def save(field: str, when: Any, reason: str, environment: Any) -> None:
        corrections.override(incident, field, when, reason, environment=environment, **_by(request))

    if form.is_bound and _saved(form, save):
        messages.success(request, f"{FIELD_LABELS[form.cleaned_data['field']]} corrected.")
        return redirect("incidents:corrections", key)
    overrides = overrides_of(incident)
    context = {
        **frame_of(request, incident, ""),
        "form": form,
        "overrides": [(FIELD_LABELS.get(each.field, each.field), each) for each in overrides],
        "figures": figures_of(incident, None, overrides),
    }
    return render(request, "incidents/corrections.html", context, status=422 if form.errors else 200)


@require_POST
def withdraw(request: HttpRequest, key: str, row_id: int) -> HttpResponse:
    incident = incident_for(request.user, key, Role.RESPONDER)
    corrections.withdraw(part_of(TimestampOverride, incident, pk=row_id), **_by(request))
    messages.success(request, "The entries speak again.")
    return redirect("incidents:corrections", key)


def _edit_page(
    request: TeamRequest, incident: Any, form: Any, save: Callable[..., Any], what: str, anchor: str
) -> HttpResponse:
    conflict: Versioned | None = None
    status = 200
    if form.is_bound:
        try:
            if _saved(form, save):
                return redirect(f"{reverse('incidents:analysis', args=[incident.key])}#{anchor}")
            status = 422
        except EditConflict as found:
            conflict, status = found.current, 409
    context = {**frame_of(request, incident, "analysis"), "form": form, "what": what, "conflict": conflict}
    return render(request, "incidents/part.html", context, status=status)


def _saved(form: django_forms.Form, save: Callable[..., Any]) -> bool:
    """Hand a valid form's values to `save`; a refusal goes beside its field."""
    if not form.is_valid():
        return False
    try:
        save(**form.cleaned_data)
    except Refused as refused:
        show_refusal(form, refused)
        return False
    return True


def _by(request: HttpRequest) -> dict[str, Any]:
    return {"actor": Actor.of(request), "now": timezone.now()}
