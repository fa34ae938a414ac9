from __future__ import annotations

from django.db import models

from teams.models.team import Team
from teams.models.versioned import Versioned


class Service(Versioned):
    """Something a team runs and users notice when it breaks."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="services")
    name = models.CharField(max_length=80)
    slug = models.SlugField(max_length=80)
    description = models.TextField(blank=True, max_length=4000, help_text="Markdown. What it is for, who uses it.")
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["team", "slug"], name="one_service_per_team_and_slug")]

    def __str__(self) -> str:
        return self.name


class Environment(models.Model):
    """A stage on the way to production, in order: a gate may ask that the one below has passed."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="environments")
    name = models.CharField(max_length=60)
    short_name = models.CharField(max_length=12, help_text="As printed in timelines, such as ST, AT, PROD.")
    position = models.PositiveSmallIntegerField(help_text="Lowest first; production last.")
    is_production = models.BooleanField(default=False)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["team", "short_name"], name="one_environment_per_team_and_short_name"),
        ]

    def __str__(self) -> str:
        return self.name
