from __future__ import annotations

from django.conf import settings
from django.db import models

from runbooks.document import RunbookDocument
from teams.models import Service, Team, Versioned


class Runbook(Versioned):
    """A reusable plan. What it says stands in its versions; a checklist keeps the version it was made from."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="runbooks")
    slug = models.SlugField(max_length=80)
    title = models.CharField(max_length=200)
    services = models.ManyToManyField(Service, blank=True, related_name="runbooks")
    current = models.ForeignKey("RunbookVersion", null=True, on_delete=models.PROTECT, related_name="+")
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["title"]
        constraints = [models.UniqueConstraint(fields=["team", "slug"], name="one_runbook_per_team_and_slug")]

    def __str__(self) -> str:
        return self.title


class RunbookVersion(models.Model):
    """One saved state of a runbook. Never changed after it was written."""

    runbook = models.ForeignKey(Runbook, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    content = models.JSONField(help_text="A RunbookDocument.")
    note = models.CharField(max_length=200, blank=True, help_text="What changed, and why.")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["runbook", "number"], name="one_version_per_runbook_and_number")]

    def __str__(self) -> str:
        return f"{self.runbook} v{self.number}"

    @property
    def document(self) -> RunbookDocument:
        return RunbookDocument.model_validate(self.content)
