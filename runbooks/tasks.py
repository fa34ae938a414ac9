"""Celery tasks. Thin: the database says what is to be done."""

from __future__ import annotations

from celery import shared_task

from runbooks.drains import drain_location


@shared_task(name="runbooks.tasks.drain", ignore_result=True)
def drain(location: str) -> None:
    """The bell of a location."""
    drain_location(str(location))
