"""Declaring an incident, editing its head, changing its status."""

from __future__ import annotations

from typing import Any

from django import forms

from incidents.forms.fields import TextField
from incidents.models import Incident, Severity
from incidents.written_time_parsing import parse_zone
from teams.models import Service, Team

SEVERITY_WORDS = {
    Severity.UNKNOWN: "Unknown: nobody can say yet",
    Severity.SEV1: "SEV1: everything is down, or data is being lost",
    Severity.SEV2: "SEV2: many users cannot work",
    Severity.SEV3: "SEV3: some users are hindered",
    Severity.SEV4: "SEV4: hardly anybody notices",
    Severity.SEV5: "SEV5: nobody notices, and it must be put right",
}


class HeadForm(forms.Form):
    """What an incident's head says."""

    title = forms.CharField(
        max_length=200,
        help_text="What users notice, in one line.",
        widget=forms.TextInput(attrs={"autofocus": True, "autocomplete": "off"}),
        error_messages={"required": "Say in one line what users notice."},
    )
    severity = forms.ChoiceField(choices=list(SEVERITY_WORDS.items()), initial=Severity.UNKNOWN)
    services = forms.ModelMultipleChoiceField(
        queryset=Service.objects.none(), required=False, widget=forms.CheckboxSelectMultiple
    )
    summary = TextField(rows=3, required=False, help_text="Two sentences that a stranger understands. Markdown.")
    time_zone = forms.CharField(
        required=False,
        max_length=64,
        label="Time zone",
        help_text="Of times that name none, such as Europe/Oslo, UTC or +02:00. Empty: nobody said.",
        widget=forms.TextInput(attrs={"list": "zones", "autocomplete": "off"}),
    )
    year = forms.IntegerField(
        required=False,
        min_value=1970,
        max_value=9998,
        help_text="Of entries that name none. Empty: not known.",
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
    )

    def __init__(self, team: Team, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        services = self.fields["services"]
        assert isinstance(services, forms.ModelMultipleChoiceField)
        services.queryset = Service.objects.filter(team=team, archived_at=None)

    def clean_time_zone(self) -> str:
        try:
            return parse_zone(self.cleaned_data["time_zone"]) or ""
        except ValueError as problem:
            raise forms.ValidationError(str(problem)) from None


class DeclareForm(HeadForm):
    when = forms.ChoiceField(
        label="Is it over?",
        choices=[("now", "It is happening now"), ("over", "It is over; I am writing it down")],
        initial="now",
        widget=forms.RadioSelect,
    )
    takes_command = forms.BooleanField(required=False, initial=True, label="I take command (incident commander)")
    field_order = ["title", "severity", "services", "summary", "when", "takes_command", "time_zone", "year"]


class EditHeadForm(HeadForm):
    version = forms.IntegerField(widget=forms.HiddenInput)
    is_retrospective = forms.BooleanField(
        required=False,
        label="Written down when it was over",
        help_text="Then the day of recording is no key timestamp, and bare times stand on the day of the last entry.",
    )

    @classmethod
    def of(cls, incident: Incident) -> EditHeadForm:
        names = ("title", "severity", "summary", "time_zone", "year", "is_retrospective", "version")
        initial = {name: getattr(incident, name) for name in names}
        return cls(incident.team, initial={**initial, "services": list(incident.services.all())})


class StatusForm(forms.Form):
    status = forms.CharField(max_length=16)
    note = TextField(rows=2, required=False, label="Note", help_text="Goes into the timeline. Optional.")
    log_it = forms.BooleanField(required=False, initial=True, label="Log it in the timeline")
    is_unexplained = forms.BooleanField(required=False, label="Close as unexplained")
