from __future__ import annotations

from django.conf import settings
from django.db import models

from incidents.models.incident import Incident


class ExportState(models.TextChoices):
    QUEUED = "queued", "Waiting for the document worker"
    CLAIMED = "claimed", "Being made"
    DONE = "done", "Ready"
    FAILED = "failed", "Failed"


class Export(models.Model):
    """A document to be made by the document worker. The row is the work; the broker only rings."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="exports")
    format = models.CharField(max_length=8, default="pdf", choices=[("pdf", "PDF")])
    paper = models.CharField(max_length=6, default="A4", choices=[("A4", "A4"), ("Letter", "Letter")])
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    requested_at = models.DateTimeField()
    state = models.CharField(max_length=8, choices=ExportState.choices, default=ExportState.QUEUED)
    token = models.PositiveIntegerField(default=0)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    progress = models.CharField(max_length=80, blank=True, help_text="What is being done, in words.")
    error = models.CharField(max_length=400, blank=True)
    file = models.FileField(upload_to="exports/%Y/%m/", max_length=200, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-requested_at"]
        indexes = [models.Index(fields=["state", "requested_at"], name="exports_waiting")]

    def __str__(self) -> str:
        return f"{self.format} of {self.incident}: {self.state}"
