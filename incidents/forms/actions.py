"""Forms of action items, and of turning one into a runbook step."""

from __future__ import annotations

import json
from typing import Any

from django import forms

from incidents.forms.fields import MemberField, TextField
from incidents.models import ActionItem, ActionState, ActionType
from runbooks.models import Runbook
from teams.models import Team


class ActionForm(forms.Form):
    text = TextField(rows=3, label="What will be done", help_text="One thing that somebody can finish. Markdown.")
    type = forms.ChoiceField(choices=ActionType.choices, initial=ActionType.PREVENT)
    priority = forms.ChoiceField(choices=[("high", "High"), ("medium", "Medium"), ("low", "Low")], initial="medium")
    due_on = forms.DateField(
        required=False, label="Due", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    ticket_url = forms.CharField(
        required=False,
        max_length=400,
        label="Ticket",
        help_text="Address in your tracker.",
        widget=forms.URLInput(attrs={"placeholder": "https://"}),
    )
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, team: Team, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["owner"] = MemberField(team)

    @classmethod
    def of(cls, action: ActionItem) -> ActionForm:
        names = ("text", "type", "priority", "due_on", "ticket_url", "version")
        initial = {name: getattr(action, name) for name in names}
        return cls(action.incident.team, initial={**initial, "owner": action.owner_id})


class ActionStateForm(forms.Form):
    state = forms.ChoiceField(choices=ActionState.choices)
    reason = TextField(rows=2, required=False, help_text="Needed for “not doing”.")


class StepForm(forms.Form):
    """A step of a runbook with, if wanted, one check."""

    runbook = forms.ModelChoiceField(queryset=Runbook.objects.none(), empty_label="Choose a runbook")
    phase = forms.ChoiceField(
        choices=[("before", "Before the window"), ("during", "During the window"), ("after", "After the work")],
        initial="after",
    )
    title = forms.CharField(max_length=200, label="Step")
    instructions = TextField(rows=3, required=False, help_text="Markdown. {{ name }} stands for a variable.")
    check_name = forms.CharField(
        required=False,
        max_length=200,
        label="Check",
        help_text="What it proves, in a line. Empty: a step without check.",
    )
    kind = forms.ChoiceField(label="Kind of check")
    parameters = forms.CharField(
        required=False,
        max_length=20_000,
        label="Parameters",
        help_text='JSON, such as {"url": "https://{{ host }}/"}',
        widget=forms.Textarea(attrs={"rows": 3, "class": "input-mono", "spellcheck": "false"}),
    )
    expect = forms.CharField(
        required=False,
        max_length=20_000,
        label="Expectations",
        help_text="One expression a line, such as status == 200",
        widget=forms.Textarea(attrs={"rows": 3, "class": "input-mono", "spellcheck": "false"}),
    )

    def __init__(self, team: Team, kinds: list[str], *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        runbook = self.fields["runbook"]
        assert isinstance(runbook, forms.ModelChoiceField)
        runbook.queryset = Runbook.objects.filter(team=team, archived_at=None, current__isnull=False)
        kind = self.fields["kind"]
        assert isinstance(kind, forms.ChoiceField)
        kind.choices = [(each, each) for each in kinds]

    def clean_parameters(self) -> dict[str, Any]:
        text = self.cleaned_data["parameters"].strip()
        if not text:
            return {}
        try:
            parameters = json.loads(text)
        except ValueError as problem:
            raise forms.ValidationError(f"This is not JSON: {problem}.") from None
        except RecursionError:
            raise forms.ValidationError("This JSON is nested too deeply.") from None
        if not isinstance(parameters, dict):
            raise forms.ValidationError('Write an object: {"name": value, …}.')
        return parameters

    def check_of_step(self) -> dict[str, Any] | None:
        """The check in the shape of a runbook document; None without a name."""
        values = self.cleaned_data
        if not values["check_name"]:
            return None
        lines = [line.strip() for line in values["expect"].splitlines() if line.strip()]
        return {
            "name": values["check_name"],
            "kind": values["kind"],
            "parameters": values["parameters"],
            "expect": lines,
        }

    def clean(self) -> dict[str, Any]:
        values = self.cleaned_data
        if not values.get("check_name") and (values.get("parameters") or values.get("expect")):
            self.add_error("check_name", "Name the check: what does it prove?")
        return values
