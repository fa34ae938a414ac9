"""Error pages: in the user's words, with what to do. They must work when the database does not."""

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return HttpResponse(render_to_string("errors/400.html"), status=400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return HttpResponse(render_to_string("errors/403.html", {"reason": str(exception)}), status=403)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return HttpResponse(render_to_string("errors/404.html"), status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Called while the exception is handled. A database that went away while the middleware asked for the session or
    the person is no mistake of ours: then the 503 page, as for views (`pages.middleware`)."""
    if isinstance(sys.exc_info()[1], OperationalError | InterfaceError):
        return database_trouble()
    return HttpResponse(render_to_string("errors/500.html"), status=500)


def database_trouble() -> HttpResponse:
    return HttpResponse(render_to_string("errors/503.html"), status=503, headers={"Retry-After": "10"})
