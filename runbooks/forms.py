"""Forms of runbooks and maintenance."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.utils.html import escape

from runbooks.document import LIST_TYPES, RunbookDocument, Variable
from runbooks.given_variables import FIELD_PREFIX
from runbooks.problems import FieldProblem
from runbooks.variables import as_text
from teams.models import Environment, Service, Team

AS_WRITTEN = {word.lower(): word for word in ("URL", "URLs", "DNS", "TLS", "TTL", "IP", "WebSocket", "HTTP", "ID")}
"""Words of variable names that are no plain words."""


class PlanForm(forms.Form):
    """Window, services and the runbook's own variables. Times are wall time in the chosen zone."""

    title = forms.CharField(required=False, max_length=200, help_text="Empty: the runbook's title, filled in.")
    services = forms.ModelMultipleChoiceField(
        Service.objects.none(),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one service that is touched."},
    )
    environment = forms.ModelChoiceField(Environment.objects.none(), required=False, empty_label="none")
    starts_at = forms.CharField(label="Window starts", widget=forms.TextInput(attrs={"type": "datetime-local"}))
    ends_at = forms.CharField(label="Window ends", widget=forms.TextInput(attrs={"type": "datetime-local"}))
    time_zone = forms.CharField(
        label="Time zone", max_length=64, widget=forms.TextInput(attrs={"list": "time-zones", "autocomplete": "off"})
    )

    def __init__(self, *args: Any, team: Team, document: RunbookDocument, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        services, environment = self.fields["services"], self.fields["environment"]
        assert isinstance(services, forms.ModelMultipleChoiceField)
        assert isinstance(environment, forms.ModelChoiceField)
        services.queryset = Service.objects.filter(team=team, archived_at=None)
        environment.queryset = Environment.objects.filter(team=team)
        self.fields["time_zone"].initial = team.time_zone
        self.document = document
        for variable in document.variables:
            self.fields[FIELD_PREFIX + variable.name] = variable_field(variable)

    @property
    def variable_fields(self) -> list[forms.BoundField]:
        return [self[FIELD_PREFIX + variable.name] for variable in self.document.variables]

    @property
    def variables(self) -> dict[str, str]:
        """What was typed for the variables."""
        return {v.name: self.data.get(FIELD_PREFIX + v.name, "") for v in self.document.variables}

    def clean_time_zone(self) -> str:
        name = str(self.cleaned_data["time_zone"]).strip()
        if name not in zoneinfo.available_timezones():
            raise forms.ValidationError(f"“{name}” is not a time zone name. Use one like Europe/Berlin or UTC.")
        return name

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if zone := cleaned.get("time_zone"):
            for name in ("starts_at", "ends_at"):
                if cleaned.get(name):
                    self._read_instant(name, str(cleaned[name]), zoneinfo.ZoneInfo(zone))
        return cleaned

    def _read_instant(self, name: str, text: str, zone: zoneinfo.ZoneInfo) -> None:
        try:
            self.cleaned_data[name] = wall_time(text, zone)
        except ValueError as problem:
            self.add_error(name, str(problem))

    def add_problems(self, problems: list[FieldProblem]) -> None:
        """Put what generation found beside the fields."""
        for problem in problems:
            self.add_error(problem.field if problem.field in self.fields else None, problem.message)


def wall_time(text: str, zone: zoneinfo.ZoneInfo) -> datetime:
    """Wall time in a zone as UTC. Raises ValueError for what is no time, or one that the clocks jump over."""
    try:
        wall = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"“{text[:40]}” is no time. Write it like 2026-11-21T22:00.") from None
    if wall.tzinfo is not None:
        return wall.astimezone(UTC)
    try:
        instant = wall.replace(tzinfo=zone).astimezone(UTC)
        returned = instant.astimezone(zone).replace(tzinfo=None)
    except OverflowError:
        raise ValueError(f"The year {wall.year} is too far away.") from None
    if returned != wall:
        raise ValueError(f"{wall:%H:%M} does not exist on that day in {zone.key}: the clocks are put forward over it.")
    return instant


def _in_words(name: str) -> str:
    """A variable's name as a label: websocket_url → WebSocket URL."""
    words = " ".join(AS_WRITTEN.get(word, word) for word in name.split("_"))
    return words[:1].upper() + words[1:]


def variable_field(variable: Variable) -> forms.CharField:
    """A text field for a variable; what is typed is judged by `given_variables`, which knows types and defaults."""
    is_list = variable.type in LIST_TYPES
    hint = "Several: commas between, or one a line." if is_list else ""
    default = as_text(variable.default) if variable.default is not None else ""
    if "{{" in default:
        hint, default = f"{hint} Empty: {default}".strip(), ""
    field = forms.CharField(
        label=_in_words(variable.name),
        required=False,
        help_text=escape(f"{variable.help} {hint}".strip()),  # fields print help as HTML; this one people wrote
        max_length=20_000,
        strip=False,
        initial=default,
        widget=forms.Textarea(attrs={"rows": 1, "class": "input-mono"})
        if is_list
        else forms.TextInput(attrs={"class": "input-mono"}),
    )
    field.is_optional = not variable.required or variable.default is not None  # type: ignore[attr-defined]
    return field
