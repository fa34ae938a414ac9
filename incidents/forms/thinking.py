"""Forms of the analysis page."""

from __future__ import annotations

from typing import Any

from django import forms

from incidents.forms.fields import EnvironmentField, TextField
from incidents.key_timestamps import FIELD_LABELS
from incidents.models import Attachment, ContributingFactor, Hypothesis, Incident, SilentCheck, TimelineEntry
from incidents.written_time_parsing import parse_written_time
from incidents.written_times import WrittenTime
from teams.models import Team


class WrittenTimeField(forms.CharField):
    """One time as people write it; cleans to a WrittenTime, or None when empty."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("max_length", 120)
        widget = forms.TextInput(attrs={"class": "input-mono", "autocomplete": "off"})
        super().__init__(widget=widget, **options)

    def clean(self, value: Any) -> WrittenTime | None:
        text = super().clean(value)
        if not text:
            return None
        try:
            return parse_written_time(text)
        except ValueError as problem:
            raise forms.ValidationError(f"{str(problem)[:1].upper()}{str(problem)[1:]}.") from None


class FactorForm(forms.Form):
    text = TextField(rows=2, label="What had to hold")
    kind = forms.ChoiceField(choices=ContributingFactor.Kind.choices, initial=ContributingFactor.Kind.NECESSARY)
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)


class HypothesisForm(forms.Form):
    statement = TextField(rows=2, label="What may explain it")
    state = forms.ChoiceField(choices=Hypothesis.State.choices, required=False, initial=Hypothesis.State.OPEN)
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)


class EvidenceForm(forms.Form):
    """What it points at is chosen among this incident's entries and attachments, or given as a run's number."""

    text = TextField(rows=2, label="What was seen")
    speaks = forms.ChoiceField(choices=[("for", "For"), ("against", "Against")], initial="for")
    entry = forms.ModelChoiceField(queryset=TimelineEntry.objects.none(), required=False, empty_label="No entry")
    attachment = forms.ModelChoiceField(queryset=Attachment.objects.none(), required=False, empty_label="No attachment")
    run = forms.IntegerField(required=False, min_value=1, label="Check run", help_text="Its number, from its page.")

    def __init__(self, incident: Incident, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        entries, attachments = self.fields["entry"], self.fields["attachment"]
        assert isinstance(entries, forms.ModelChoiceField)
        assert isinstance(attachments, forms.ModelChoiceField)
        entries.queryset = incident.entries.filter(deleted_at=None)
        attachments.queryset = incident.attachments.filter(deleted_at=None)


class SilentCheckForm(forms.Form):
    name = forms.CharField(max_length=200, label="Check", help_text="Such as: public host names over HTTPS")
    state = forms.ChoiceField(
        choices=[
            (SilentCheck.State.SILENT, "Silent: it looked and saw nothing"),
            (SilentCheck.State.ABSENT, "Absent: there was none"),
            (SilentCheck.State.MUTED, "Muted: somebody had switched it off"),
        ],
        initial=SilentCheck.State.ABSENT,
    )
    detail = TextField(rows=2, required=False)
    since = WrittenTimeField(required=False)
    until = WrittenTimeField(required=False)

    def __init__(self, team: Team, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["environment"] = EnvironmentField(team)


class CorrectionForm(forms.Form):
    field = forms.ChoiceField(choices=list(FIELD_LABELS.items()), label="Timestamp")
    when = WrittenTimeField(help_text="14:05, 6 March 2024, or with a zone: 14:05, 6 March 2024, UTC")
    reason = forms.CharField(max_length=400, help_text="What the entries have wrong. Shown beside the timestamp.")

    def __init__(self, team: Team, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["environment"] = EnvironmentField(team, help_text="For deployed, activated and detectable.")
