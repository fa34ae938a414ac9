from __future__ import annotations

from django.conf import settings
from django.db import models

from incidents.models.incident import Incident
from teams.models import Environment, Versioned


class EntryKind(models.TextChoices):
    INTRODUCED = "introduced", "Introduced"
    DEPLOYED = "deployed", "Deployed"
    ACTIVATED = "activated", "Activated"
    SYMPTOM = "symptom", "Symptom (detectable)"
    IMPACT_STARTED = "impact_started", "Impact started"
    DETECTED = "detected", "Detected"
    REPORTED = "reported", "Reported"
    PAGED = "paged", "Paged"
    ACKNOWLEDGED = "acknowledged", "Acknowledged"
    INVESTIGATION = "investigation", "Investigation"
    HYPOTHESIS = "hypothesis", "Hypothesis"
    IDENTIFIED = "identified", "Identified"
    ACTION_TAKEN = "action_taken", "Action taken"
    MITIGATED = "mitigated", "Mitigated"
    RESOLVED = "resolved", "Resolved"
    COMMUNICATION = "communication", "Communication"
    DECISION = "decision", "Decision"
    NOTE = "note", "Note"


class Precision(models.TextChoices):
    SECOND = "second", "to the second"
    MINUTE = "minute", "to the minute"
    HOUR = "hour", "to the hour"
    DAY = "day", "the day"
    UNKNOWN = "unknown", "unknown"


class TimelineEntry(Versioned):
    """What happened, when, as it was written. Parts of the time that nobody said stay null.

    `starts_at` and `ends_at` are derived (aware UTC) and null until the written parts suffice; `sort_key` orders
    entries of one incident by what is known, wall time where no zone is.
    """

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="entries")
    kind = models.CharField(max_length=16, choices=EntryKind.choices, default=EntryKind.NOTE)
    environment = models.ForeignKey(Environment, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    text = models.TextField(help_text="Markdown.")
    is_starred = models.BooleanField(default=False, help_text="Shown in the short version.")

    as_written = models.CharField(max_length=120, blank=True)
    year = models.PositiveSmallIntegerField(null=True, blank=True)
    month = models.PositiveSmallIntegerField(null=True, blank=True)
    day = models.PositiveSmallIntegerField(null=True, blank=True)
    clock = models.TimeField(null=True, blank=True)
    end_year = models.PositiveSmallIntegerField(null=True, blank=True)
    end_month = models.PositiveSmallIntegerField(null=True, blank=True)
    end_day = models.PositiveSmallIntegerField(null=True, blank=True)
    end_clock = models.TimeField(null=True, blank=True)
    zone = models.CharField(max_length=64, blank=True, help_text="IANA name or offset; empty: not stated.")
    precision = models.CharField(max_length=8, choices=Precision.choices, default=Precision.MINUTE)
    is_about = models.BooleanField(default=False)
    starts_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    sort_key = models.CharField(max_length=40, blank=True)

    source = models.CharField(
        max_length=8,
        default="person",
        choices=[("person", "Person"), ("import", "Import"), ("alert", "Alert"), ("check", "Check run")],
    )
    source_detail = models.CharField(max_length=120, blank=True)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True, blank=True, help_text="Removed, and can be brought back.")

    class Meta:
        ordering = ["sort_key", "pk"]
        verbose_name_plural = "timeline entries"
        indexes = [models.Index(fields=["incident", "sort_key", "id"], name="entries_in_order")]

    def __str__(self) -> str:
        return f"{self.as_written} {self.get_kind_display()}"


class Attachment(models.Model):
    """A file of an incident, kept by content. Served as a download from a path that runs nothing."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="attachments")
    entry = models.ForeignKey(
        TimelineEntry, null=True, blank=True, on_delete=models.SET_NULL, related_name="attachments"
    )
    file = models.FileField(upload_to="attachments/%Y/%m/", max_length=200)
    name = models.CharField(max_length=200, help_text="As the person's file was called.")
    content_type = models.CharField(max_length=80, help_text="Found from the content, not from what was claimed.")
    size_bytes = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["created_at"]

    def __str__(self) -> str:
        return self.name
