"""Today: what needs me now?"""

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET

from pages import attention
from teams.access import may
from teams.middleware import TeamRequest
from teams.roles import Role


@require_GET
def today(request: TeamRequest) -> HttpResponse | HttpResponseBase:
    if request.team is None:
        return redirect("teams:team")
    now = timezone.now()
    incidents = attention.active_incidents(request.team)
    maintenances, coming = attention.maintenance_ahead(request.team, request.user, now)
    failing = attention.failing_checks(request.team)
    actions = attention.actions_of(request.user, request.team, now)
    context = {
        "incidents": incidents,
        "maintenances": maintenances,
        "coming": coming,
        "failing": failing,
        "actions": actions,
        "today": timezone.localdate(now),
        "is_calm": not (incidents or maintenances or failing or actions),
        "may_declare": may(request.user, request.team, Role.RESPONDER),
    }
    return render(request, "pages/today.html", context)
