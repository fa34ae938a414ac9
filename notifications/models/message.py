from __future__ import annotations

from django.conf import settings
from django.db import models

from teams.models import Team


class Message(models.Model):
    """Something that must be told. A second message with the same `key` is the same message and is not stored."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="messages")
    key = models.CharField(max_length=200, unique=True, help_text="Such as transition:812 or gate:MNT-3:go.")
    subject = models.CharField(max_length=200)
    body = models.TextField(help_text="Plain text.")
    path = models.CharField(max_length=200, blank=True, help_text="The page it is about, from the root of the site.")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.subject


class DeliveryState(models.TextChoices):
    QUEUED = "queued", "Queued"
    CLAIMED = "claimed", "Being sent"
    SENT = "sent", "Sent"
    FAILED = "failed", "Failed"


class Delivery(models.Model):
    """One message to one person by one channel: the outbox. Recorded as sent only after sending."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="deliveries")
    recipient = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="deliveries")
    channel = models.CharField(max_length=16, default="mail")
    state = models.CharField(max_length=8, choices=DeliveryState.choices, default=DeliveryState.QUEUED)
    token = models.PositiveIntegerField(
        default=0, help_text="Counts claims; a late sender with an old one writes nothing."
    )
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(help_text="When to try (again).")
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=400, blank=True)

    class Meta:
        ordering = ["due_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["message", "recipient", "channel"], name="one_delivery_per_message_recipient_and_channel"
            )
        ]
        indexes = [models.Index(fields=["state", "due_at"], name="deliveries_due")]

    def __str__(self) -> str:
        return f"{self.message} to {self.recipient}: {self.state}"
