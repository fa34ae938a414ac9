"""`/healthz`, for machines."""

import logging

from django.contrib.auth.decorators import login_not_required
from django.db import Error
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from pages import health

logger = logging.getLogger(__name__)


@login_not_required
@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """200 while the site works, 503 when the database does not answer; `?strict=1`: 503 also when degraded, so that
    a monitor can watch the workers while a load balancer keeps the site."""
    try:
        found = health.reading(timezone.now())
    except Error as problem:
        logger.error("healthz: the database does not answer: %s", problem)
        return JsonResponse({"status": "down", "problems": ["the database does not answer"]}, status=503)
    strict = request.GET.get("strict") == "1"
    return JsonResponse(found.as_dict(), status=503 if strict and found.problems else 200)
