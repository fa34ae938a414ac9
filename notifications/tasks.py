"""Celery's door to the outbox."""

from celery import shared_task
from django.utils import timezone

from notifications import outbox


@shared_task
def deliver_due() -> None:
    """Send what is due. Safe to run twice, and at the same time."""
    outbox.deliver_due(timezone.now())
