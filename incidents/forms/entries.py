"""The composer's line, and the full form of an entry."""

from __future__ import annotations

from typing import Any

from django import forms

from incidents.entry_times import written_end, written_start
from incidents.forms.fields import EnvironmentField, TextField
from incidents.models import EntryKind, TimelineEntry
from incidents.written_time_parsing import parse_clock, parse_written_time, parse_zone
from incidents.written_times import MONTH_NAMES, Clock, WrittenTime, check_range, clock_text
from teams.models import Team


class ComposerForm(forms.Form):
    """One line: a time, if any, and what happened."""

    kind = forms.ChoiceField(choices=EntryKind.choices, initial=EntryKind.NOTE)
    text = TextField(rows=1, error_messages={"required": "Write what happened, such as: 14:05 restarted proxy."})

    def __init__(self, team: Team, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["environment"] = EnvironmentField(team, empty_label="Where?")
        self.fields["environment"].widget.attrs["aria-label"] = "Where it happened"


class EntryForm(forms.Form):
    """All parts of an entry. Every part of its time may stay empty: nobody said."""

    text = TextField(rows=5, label="What happened", help_text="Markdown.")
    kind = forms.ChoiceField(choices=EntryKind.choices, initial=EntryKind.NOTE)
    date = forms.CharField(required=False, max_length=60, label="Day", help_text="6 March 2024, 2024-03-06 or 6 March")
    clock = forms.CharField(required=False, max_length=20, label="Time", help_text="14:05, 14:05:33 or 2 pm")
    is_about = forms.BooleanField(required=False, label="About: nobody looked at a clock")
    end_date = forms.CharField(required=False, max_length=60, label="Until, day", help_text="Empty: the same day")
    end_clock = forms.CharField(required=False, max_length=20, label="Until, time")
    zone = forms.CharField(
        required=False,
        max_length=64,
        label="Time zone",
        help_text="Only where it is not the incident's: Europe/Oslo, UTC, +02:00",
        widget=forms.TextInput(attrs={"list": "zones", "autocomplete": "off"}),
    )
    is_starred = forms.BooleanField(required=False, label="In the short version")
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    start: WrittenTime | None = None
    end: WrittenTime | None = None

    def __init__(self, team: Team, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["environment"] = EnvironmentField(team)
        for name in ("date", "clock", "end_date", "end_clock"):
            self.fields[name].widget.attrs.update({"autocomplete": "off", "class": "input-mono"})

    @classmethod
    def of(cls, entry: TimelineEntry) -> EntryForm:
        """The form filled with what the entry holds."""
        start, end = written_start(entry), written_end(entry)
        same_day = end is not None and (end.year, end.month, end.day) == (start.year, start.month, start.day)
        return cls(
            entry.incident.team,
            initial={
                "text": entry.text,
                "kind": entry.kind,
                "environment": entry.environment_id,
                "date": date_text(start),
                "clock": clock_text(start.clock, start.precision),
                "is_about": entry.is_about,
                "end_date": "" if end is None or same_day else date_text(end),
                "end_clock": "" if end is None else clock_text(end.clock, end.precision),
                "zone": entry.zone,
                "is_starred": entry.is_starred,
                "version": entry.version,
            },
        )

    def clean(self) -> dict[str, Any]:
        """Build `start` and `end`; each refusal goes to the field it is about."""
        values = self.cleaned_data
        zone = self._read("zone", parse_zone)
        day = self._read("date", _parse_day)
        clock = self._read("clock", parse_clock)
        end_day = self._read("end_date", _parse_day)
        end_clock = self._read("end_clock", parse_clock)
        if self.errors:
            return values
        about = bool(values.get("is_about"))
        self.start = _written(day, clock, zone, about) if day or clock else None
        if end_day or end_clock:
            if self.start is None:
                self.add_error("date", "An end needs a start: when did it begin?")
                return values
            self.end = _written(end_day or day, end_clock, zone, about)
            try:
                check_range(self.start, self.end)
            except ValueError as problem:
                self.add_error("end_clock" if end_clock else "end_date", f"The range {problem}.")
        return values

    @property
    def as_written(self) -> str:
        """The parts as they were typed."""
        first = " ".join(part for part in (self.cleaned_data["date"], self.cleaned_data["clock"]) if part)
        last = " ".join(part for part in (self.cleaned_data["end_date"], self.cleaned_data["end_clock"]) if part)
        shown = f"{first} – {last}" if last else first
        return ("about " if shown and self.cleaned_data["is_about"] else "") + shown

    def _read(self, name: str, parse: Any) -> Any:
        text = (self.cleaned_data.get(name) or "").strip()
        if not text:
            return None
        try:
            return parse(text)
        except ValueError as problem:
            self.add_error(name, f"{str(problem)[:1].upper()}{str(problem)[1:]}.")
            return None


def date_text(written: WrittenTime) -> str:
    """As `_parse_day` reads it: "6 March 2024", "6 March"; empty without a day."""
    if written.month is None or written.day is None:
        return ""
    year = f" {written.year}" if written.year else ""
    return f"{written.day} {MONTH_NAMES[written.month - 1]}{year}"


def _parse_day(text: str) -> WrittenTime:
    written = parse_written_time(text)
    if written.clock is not None:
        raise ValueError(f"“{text}” holds a clock time: write it into the field beside")
    if written.day is None:
        raise ValueError(f"“{text}” is not a day: write 6 March 2024 or 2024-03-06")
    return written


def _written(day: WrittenTime | None, clock: tuple[Clock, bool] | None, zone: str | None, about: bool) -> WrittenTime:
    return WrittenTime.from_parts(
        day.year if day else None,
        day.month if day else None,
        day.day if day else None,
        clock[0] if clock else None,
        zone,
        about=about,
        hour_only=clock[1] if clock else False,
    )
