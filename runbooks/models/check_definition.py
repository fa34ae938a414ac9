from __future__ import annotations

from django.db import models

from runbooks.models.checklist import ChecklistStep
from teams.models import Team


class CheckDefinition(models.Model):
    """A check that can be run: what to do, what to expect. Of a checklist step, its variables are filled in."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="check_definitions")
    checklist_step = models.ForeignKey(
        ChecklistStep, null=True, blank=True, on_delete=models.CASCADE, related_name="check_definitions"
    )
    position = models.PositiveSmallIntegerField(default=1)
    name = models.CharField(max_length=300)
    kind = models.CharField(max_length=40)
    parameters = models.JSONField(default=dict)
    expect = models.JSONField(default=list)
    expect_run = models.JSONField(default=list)
    repeat = models.PositiveIntegerField(default=1)
    max_failures = models.PositiveIntegerField(default=0)
    concurrency = models.PositiveIntegerField(default=1)
    pause_ms = models.PositiveIntegerField(default=0)
    hold_open = models.BooleanField(default=False)
    locations = models.JSONField(default=list)
    variables = models.JSONField(default=dict, help_text="The maintenance's variables, seen as `vars`.")
    is_baseline = models.BooleanField(default=False)
    compare_with = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="compared_by"
    )
    fresh_for_minutes = models.PositiveIntegerField(default=60)
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["position", "pk"]

    def __str__(self) -> str:
        return self.name
