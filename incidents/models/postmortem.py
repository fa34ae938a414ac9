from __future__ import annotations

from django.conf import settings
from django.db import models

from incidents.models.incident import Incident
from teams.models import Versioned


class PostmortemSection(Versioned):
    """One section of an incident's postmortem, in Markdown."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="sections")
    key = models.CharField(max_length=40, help_text="Such as background.")
    title = models.CharField(max_length=120)
    position = models.PositiveSmallIntegerField()
    body = models.TextField(blank=True)
    is_internal = models.BooleanField(default=False, help_text="Left out of the shareable version.")

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["incident", "key"], name="one_section_per_incident_and_key")]

    def __str__(self) -> str:
        return self.title


class SectionRevision(models.Model):
    """What a section said after one save. Every save is kept; redaction is the one thing that rewrites it."""

    section = models.ForeignKey(PostmortemSection, on_delete=models.CASCADE, related_name="revisions")
    version = models.PositiveIntegerField()
    body = models.TextField(blank=True)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering = ["-version"]
        constraints = [
            models.UniqueConstraint(fields=["section", "version"], name="one_revision_per_section_and_version")
        ]

    def __str__(self) -> str:
        return f"{self.section} v{self.version}"
