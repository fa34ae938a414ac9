"""Contributing factors, hypotheses and evidence, and the checks that did not warn."""

from __future__ import annotations

from django.db import models

from incidents.models.incident import Incident
from incidents.models.timeline import Attachment, TimelineEntry
from runbooks.models import CheckRun
from teams.models import Environment, Versioned


class ContributingFactor(Versioned):
    """One of the things that had to hold. Several, never "the" root cause."""

    class Kind(models.TextChoices):
        NECESSARY = "necessary", "Necessary"
        AGGRAVATING = "aggravating", "Aggravating"
        ENABLING = "enabling", "Enabling"

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="factors")
    position = models.PositiveSmallIntegerField(default=1)
    kind = models.CharField(max_length=12, choices=Kind.choices, default=Kind.NECESSARY)
    text = models.TextField()
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["position", "pk"]

    def __str__(self) -> str:
        return self.text[:80]


class Hypothesis(Versioned):
    class State(models.TextChoices):
        OPEN = "open", "Open"
        SUPPORTED = "supported", "Supported"
        REFUTED = "refuted", "Refuted"

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="hypotheses")
    position = models.PositiveSmallIntegerField(default=1)
    statement = models.TextField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["position", "pk"]
        verbose_name_plural = "hypotheses"

    def __str__(self) -> str:
        return self.statement[:80]


class Evidence(models.Model):
    """What speaks for or against a hypothesis, pointing at where it can be seen."""

    hypothesis = models.ForeignKey(Hypothesis, on_delete=models.CASCADE, related_name="evidence")
    speaks_for = models.BooleanField()
    text = models.TextField()
    entry = models.ForeignKey(TimelineEntry, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    attachment = models.ForeignKey(Attachment, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    run = models.ForeignKey(CheckRun, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["pk"]
        verbose_name_plural = "evidence"

    def __str__(self) -> str:
        return f"{'for' if self.speaks_for else 'against'}: {self.text[:60]}"


class SilentCheck(Versioned):
    """A check that could have warned and did not: it looked and saw nothing, did not exist, or was muted."""

    class State(models.TextChoices):
        SILENT = "silent", "Silent"
        ABSENT = "absent", "Absent"
        MUTED = "muted", "Muted"

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="silent_checks")
    name = models.CharField(max_length=200)
    state = models.CharField(max_length=8, choices=State.choices, default=State.ABSENT)
    environment = models.ForeignKey(Environment, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    detail = models.TextField(blank=True)
    since = models.JSONField(null=True, blank=True, help_text="A WrittenTime, as the person wrote it.")
    until = models.JSONField(null=True, blank=True, help_text="A WrittenTime, as the person wrote it.")
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.get_state_display()}: {self.name}"
