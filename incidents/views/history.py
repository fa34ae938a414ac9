"""What was done to an incident, by whom and when; and taking a pasted secret out of it."""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from incidents import redaction
from incidents.access import incident_for
from incidents.views.frame import frame_of
from teams.actors import Actor
from teams.middleware import TeamRequest
from teams.models import AuditEvent
from teams.refusals import Refused
from teams.roles import Role

EVENTS_PER_PAGE = 100


@require_GET
def history(request: TeamRequest, key: str) -> HttpResponse:
    incident = incident_for(request.user, key)
    events = AuditEvent.objects.filter(subject=incident.key, team=incident.team).order_by("-sequence")
    page = Paginator(events, EVENTS_PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "incidents/history.html", {**frame_of(request, incident, "history"), "page": page})


@sensitive_post_parameters("secret")
@never_cache
@require_http_methods(["GET", "POST"])
def redact(request: TeamRequest, key: str) -> HttpResponse:
    """Paste the secret, see in how many places it stands, then take it out of all of them."""
    incident = incident_for(request.user, key, Role.MAINTAINER)
    secret = request.POST.get("secret", "")
    found, error = None, ""
    if request.method == "POST":
        try:
            if "confirmed" in request.POST:
                changed = redaction.redact(incident, secret, actor=Actor.of(request), now=timezone.now())
                messages.success(request, f"Redacted in {sum(each.count for each in changed)} places.")
                return redirect("incidents:history", key)
            found = redaction.preview(incident, secret)
        except Refused as refused:
            error = str(refused)
    context = {
        **frame_of(request, incident, "history"),
        "secret": secret,
        "found": found,
        "error": error,
        "total": sum(each.count for each in found or []),
    }
    return render(request, "incidents/redact.html", context, status=422 if error else 200)
