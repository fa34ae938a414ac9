from __future__ import annotations

from django.conf import settings
from django.db import models

from runbooks.models.runbook import RunbookVersion
from teams.models import Environment, Service, Team, Versioned
from teams.models.user import validate_time_zone


class MaintenanceStatus(models.TextChoices):
    SCHEDULED = "scheduled", "Scheduled"
    IN_PROGRESS = "in_progress", "In progress"
    VERIFYING = "verifying", "Verifying"
    COMPLETED = "completed", "Completed"
    ROLLED_BACK = "rolled_back", "Rolled back"
    CANCELLED = "cancelled", "Cancelled"


class Maintenance(Versioned):
    """A planned piece of work with its frozen checklist. Its key, MNT-n, is unique in the installation."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="maintenances")
    number = models.PositiveIntegerField(unique=True)
    title = models.CharField(max_length=200)
    runbook_version = models.ForeignKey(RunbookVersion, on_delete=models.PROTECT, related_name="maintenances")
    services = models.ManyToManyField(Service, related_name="maintenances")
    environment = models.ForeignKey(Environment, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    time_zone = models.CharField(max_length=64, default="UTC", validators=[validate_time_zone])
    variables = models.JSONField(default=dict)
    abort_triggers = models.JSONField(default=list, help_text="List of AbortTrigger, variables filled in.")
    status = models.CharField(max_length=12, choices=MaintenanceStatus.choices, default=MaintenanceStatus.SCHEDULED)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="requested_maintenances"
    )
    go_given_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    go_given_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    status_reason = models.TextField(blank=True, help_text="Why it was rolled back, cancelled or reopened.")
    live_version = models.PositiveBigIntegerField(
        default=0, help_text="Counts everything the page shows; a live page asks with the one it has."
    )

    class Meta:
        ordering = ["-starts_at"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(ends_at__gt=models.F("starts_at")), name="window_ends_after_it_starts"
            )
        ]
        indexes = [models.Index(fields=["team", "status", "starts_at"], name="maintenance_by_status")]

    def __str__(self) -> str:
        return self.key

    @property
    def key(self) -> str:
        return f"MNT-{self.number}"
