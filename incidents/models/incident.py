from __future__ import annotations

from django.conf import settings
from django.db import models

from teams.models import Environment, Service, Team, Versioned


class Severity(models.TextChoices):
    SEV1 = "sev1", "SEV1"
    SEV2 = "sev2", "SEV2"
    SEV3 = "sev3", "SEV3"
    SEV4 = "sev4", "SEV4"
    SEV5 = "sev5", "SEV5"
    UNKNOWN = "unknown", "Unknown"


class IncidentStatus(models.TextChoices):
    """Where the incident stands. Reopening goes back to investigating from resolved or closed."""

    INVESTIGATING = "investigating", "Investigating"
    IDENTIFIED = "identified", "Identified"
    MITIGATED = "mitigated", "Mitigated"
    RESOLVED = "resolved", "Resolved"
    CLOSED = "closed", "Closed"


class PostmortemState(models.TextChoices):
    DRAFT = "draft", "Draft"
    IN_REVIEW = "in_review", "In review"
    REVIEWED = "reviewed", "Reviewed"
    PUBLISHED = "published", "Published"


class Incident(Versioned):
    """Something that went wrong, or nearly. Its key, INC-n, is unique in the installation."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="incidents")
    number = models.PositiveIntegerField(unique=True)
    title = models.CharField(max_length=200)
    summary = models.TextField(blank=True, help_text="Markdown. Two sentences that a stranger understands.")
    severity = models.CharField(max_length=8, choices=Severity.choices, default=Severity.UNKNOWN)
    status = models.CharField(max_length=16, choices=IncidentStatus.choices, default=IncidentStatus.INVESTIGATING)
    is_unexplained = models.BooleanField(default=False, help_text="Closed without an explanation.")
    postmortem_state = models.CharField(max_length=10, choices=PostmortemState.choices, default=PostmortemState.DRAFT)
    services = models.ManyToManyField(Service, blank=True, related_name="incidents")
    time_zone = models.CharField(
        max_length=64, blank=True, help_text="Zone of entries that name none. Empty: nobody said."
    )
    year = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Year of entries that name none.")
    declared_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    declared_at = models.DateTimeField(help_text="When it was recorded here.")
    is_retrospective = models.BooleanField(
        default=False, help_text="Recorded when it was over: the day of recording is no key timestamp."
    )
    status_changed_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    began_at = models.DateTimeField(
        null=True, blank=True, help_text="Derived: start of impact, else the first that was seen of it."
    )
    durations = models.JSONField(
        default=list, blank=True, help_text="Summaries of the derived durations, so that a list needs no entries."
    )
    live_version = models.PositiveBigIntegerField(
        default=0, help_text="Counts every change the page shows; a live page asks with the one it has."
    )

    class Meta:
        ordering = ["-number"]
        indexes = [
            models.Index(fields=["team", "status", "-number"], name="incidents_by_status"),
            models.Index(fields=["team", "-number"], name="incidents_newest_first"),
        ]

    def __str__(self) -> str:
        return self.key

    @property
    def key(self) -> str:
        return f"INC-{self.number}"


class IncidentRole(models.Model):
    """Who does what during the incident."""

    class Role(models.TextChoices):
        COMMANDER = "commander", "Incident commander"
        SCRIBE = "scribe", "Scribe"
        COMMUNICATIONS = "communications", "Communications lead"
        EXPERT = "expert", "Subject-matter expert"

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="roles")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="incident_roles")
    role = models.CharField(max_length=16, choices=Role.choices)
    since = models.DateTimeField()
    until = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["role", "since"]

    def __str__(self) -> str:
        return f"{self.user}: {self.get_role_display()}"


class TimestampOverride(models.Model):
    """A key timestamp set by a person against what the entries say, with the reason."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="overrides")
    field = models.CharField(max_length=24, help_text="Such as detected; a name of key_timestamps.FIELD_LABELS.")
    environment = models.ForeignKey(Environment, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    written = models.JSONField(help_text="A WrittenTime, as the person wrote it.")
    reason = models.CharField(max_length=400)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["incident", "field", "environment"], name="one_override_per_field_and_environment"
            ),
            models.UniqueConstraint(
                fields=["incident", "field"],
                condition=models.Q(environment=None),
                name="one_overall_override_per_incident_and_field",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.incident}: {self.field}"
