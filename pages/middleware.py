"""What is told when the database does not answer."""

import logging
from collections.abc import Callable

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse

from pages.views.errors import database_trouble

logger = logging.getLogger(__name__)


class DatabaseTroubleMiddleware:
    """Turns a database that is away into a 503 page that says so and asks to try again."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Called by Django for what a view raised."""
        if not isinstance(exception, OperationalError | InterfaceError):
            return None
        logger.error("the database does not answer: %s", exception)
        return database_trouble()
