"""Where browsers report what the content security policy stopped. Bounded, because anybody can send here."""

import json
import logging
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

logger = logging.getLogger(__name__)
MAX_BYTES = 16 * 1024
MAX_A_MINUTE = 60
KEPT = ("violated-directive", "effective-directive", "blocked-uri", "document-uri", "source-file", "line-number")


@csrf_exempt  # browsers send reports without a token
@login_not_required
@require_POST
def policy_report(request: HttpRequest) -> HttpResponse:
    """One line in the log per report; 413 above 16 KiB, 400 for what is no report, silently dropped over the limit."""
    announced = request.headers.get("Content-Length") or "0"
    if not announced.isdecimal() or int(announced) > MAX_BYTES:
        return HttpResponse(status=413)
    cache.add("policy-reports", 0, timeout=60)
    if cache.incr("policy-reports") > MAX_A_MINUTE:
        return HttpResponse(status=204)
    try:
        report = json.loads(request.body[:MAX_BYTES])["csp-report"]
        facts: dict[str, Any] = {name: str(report[name])[:200] for name in KEPT if name in report}
    except (ValueError, KeyError, TypeError, RecursionError):
        return HttpResponse("This is no policy report.", status=400, content_type="text/plain")
    logger.warning("content security policy: %s", json.dumps(facts))
    return HttpResponse(status=204)
