from __future__ import annotations

from django.db import models


class Worker(models.Model):
    """A worker process as it last spoke. "The process is up" is no health: look at the last finish too."""

    name = models.CharField(max_length=120, unique=True)
    queues = models.JSONField(default=list, help_text="Such as checks.default, documents.")
    started_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    last_finish_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Tick(models.Model):
    """When a clock job last went well."""

    name = models.CharField(max_length=40, primary_key=True)
    last_good_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} {self.last_good_at:%H:%M:%S}"
