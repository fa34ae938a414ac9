"""The project package: settings, URLs, Celery app, WSGI. Imported by nobody below it."""

from config import current_sqlite as current_sqlite  # must come before anything imports sqlite3
from config.celery import app as celery_app

__all__ = ["celery_app"]
