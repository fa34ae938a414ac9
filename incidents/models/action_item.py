from __future__ import annotations

from django.conf import settings
from django.db import models

from incidents.models.incident import Incident
from runbooks.models import CheckRun, Runbook
from teams.models import Versioned


class ActionType(models.TextChoices):
    INVESTIGATE = "investigate", "Investigate"
    MITIGATE = "mitigate", "Mitigate"
    REPAIR = "repair", "Repair"
    DETECT = "detect", "Detect"
    PREVENT = "prevent", "Prevent"
    PROCESS = "process", "Process"


class ActionState(models.TextChoices):
    PROPOSED = "proposed", "Proposed"
    OUTSTANDING = "outstanding", "Outstanding"
    DONE = "done", "Done"
    VERIFIED = "verified", "Verified"
    REGRESSED = "regressed", "Regressed"
    NOT_DOING = "not_doing", "Not doing"


class ActionItemQuerySet(models.QuerySet["ActionItem"]):
    def present(self) -> ActionItemQuerySet:
        """Not removed."""
        return self.filter(deleted_at=None)

    def unfinished(self) -> ActionItemQuerySet:
        """What still asks for work: proposed, outstanding, regressed."""
        return self.present().filter(state__in=[ActionState.PROPOSED, ActionState.OUTSTANDING, ActionState.REGRESSED])


class ActionItem(Versioned):
    """What will be done so that it does not happen again."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="actions")
    number = models.PositiveSmallIntegerField(help_text="Within the incident, from 1.")
    text = models.TextField()
    type = models.CharField(max_length=12, choices=ActionType.choices, default=ActionType.PREVENT)
    priority = models.CharField(
        max_length=6, choices=[("high", "High"), ("medium", "Medium"), ("low", "Low")], default="medium"
    )
    state = models.CharField(max_length=12, choices=ActionState.choices, default=ActionState.OUTSTANDING)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="action_items"
    )
    due_on = models.DateField(null=True, blank=True)
    reason = models.TextField(blank=True, help_text="Why it will not be done.")
    ticket_url = models.URLField(blank=True, max_length=400)
    created_at = models.DateTimeField()
    state_changed_at = models.DateTimeField()
    verified_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    failing_run = models.ForeignKey(CheckRun, null=True, on_delete=models.SET_NULL, related_name="+")
    passing_run = models.ForeignKey(CheckRun, null=True, on_delete=models.SET_NULL, related_name="+")
    regressing_run = models.ForeignKey(CheckRun, null=True, on_delete=models.SET_NULL, related_name="+")
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = ActionItemQuerySet.as_manager()

    class Meta:
        ordering = ["incident_id", "number"]
        constraints = [
            models.UniqueConstraint(fields=["incident", "number"], name="one_action_per_incident_and_number")
        ]
        indexes = [models.Index(fields=["state", "due_on"], name="actions_by_state_and_due")]

    def __str__(self) -> str:
        return f"{self.incident.key} action {self.number}"


class StepOrigin(models.Model):
    """This runbook step is there because of this action item; its checks prove the action."""

    action_item = models.ForeignKey(ActionItem, on_delete=models.CASCADE, related_name="step_origins")
    runbook = models.ForeignKey(Runbook, on_delete=models.CASCADE, related_name="+")
    step_key = models.CharField(max_length=60)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["action_item", "runbook", "step_key"], name="one_origin_per_action_and_step"
            )
        ]
        indexes = [models.Index(fields=["step_key", "runbook"], name="origins_by_step")]

    def __str__(self) -> str:
        return f"{self.action_item} → {self.runbook.slug}/{self.step_key}"
