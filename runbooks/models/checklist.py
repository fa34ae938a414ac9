from __future__ import annotations

from django.conf import settings
from django.db import models

from runbooks.models.maintenance import Maintenance
from teams.models import Versioned


class StepState(models.TextChoices):
    OPEN = "open", "Open"
    DONE = "done", "Done"
    SKIPPED = "skipped", "Skipped"
    FAILED = "failed", "Failed"


class ChecklistStep(Versioned):
    """A step of one maintenance, frozen from the runbook with its variables filled in."""

    maintenance = models.ForeignKey(Maintenance, on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveIntegerField(help_text="From 1, through all phases.")
    phase = models.CharField(max_length=8, choices=[("before", "Before"), ("during", "During"), ("after", "After")])
    step_key = models.CharField(
        max_length=60, blank=True, help_text="The runbook step it was made from; empty: added by hand."
    )
    member = models.CharField(max_length=255, blank=True, help_text="The for_each member it unfolded for.")
    title = models.CharField(max_length=300)
    instructions = models.TextField(blank=True)
    role = models.CharField(max_length=80, blank=True)
    expected_minutes = models.PositiveIntegerField(null=True, blank=True)
    is_gate = models.BooleanField(default=False)
    sign_offs_needed = models.PositiveSmallIntegerField(default=0)
    rollback = models.TextField(blank=True)
    is_point_of_no_return = models.BooleanField(default=False)
    due_at = models.DateTimeField(null=True, blank=True)
    origins = models.JSONField(default=list, help_text="List of Origin: why the step is there.")

    state = models.CharField(max_length=8, choices=StepState.choices, default=StepState.OPEN)
    acted_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    acted_at = models.DateTimeField(null=True, blank=True)
    note = models.TextField(blank=True)
    reason = models.TextField(blank=True, help_text="Why it was skipped, or accepted with a failing check.")

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["maintenance", "position"], name="one_step_per_position")]
        indexes = [models.Index(fields=["step_key"], name="steps_by_runbook_step")]

    def __str__(self) -> str:
        return f"{self.position} {self.title}"


class SignOff(models.Model):
    """A second pair of eyes on a step: somebody other than who ticked it."""

    step = models.ForeignKey(ChecklistStep, on_delete=models.CASCADE, related_name="sign_offs")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField()
    note = models.CharField(max_length=400, blank=True)

    class Meta:
        ordering = ["at"]
        constraints = [models.UniqueConstraint(fields=["step", "user"], name="one_sign_off_per_step_and_user")]

    def __str__(self) -> str:
        return f"{self.step} by {self.user}"
