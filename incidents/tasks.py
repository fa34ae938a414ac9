"""Thin Celery wrappers: keys in, one function called, safe to run twice."""

from celery import shared_task

from incidents.exporting.exports import make_due_exports


@shared_task(name="incidents.make_documents")
def make_documents() -> None:
    make_due_exports()
