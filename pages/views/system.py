"""The System page: is the installation well?"""

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from notifications.models import Delivery, DeliveryState
from pages import health, installation
from pages.frame import may_see_system
from runbooks.models import Worker
from runbooks.workers import SILENT_AFTER
from teams.middleware import TeamRequest


@require_GET
def system(request: TeamRequest) -> HttpResponse:
    _require_operator(request)
    now = timezone.now()
    workers = [{"row": row, "is_silent": row.last_seen_at < now - SILENT_AFTER} for row in Worker.objects.all()]
    failed = Delivery.objects.filter(state=DeliveryState.FAILED).select_related("message", "recipient")
    context = {
        "health": health.reading(now),
        "versions": installation.versions(),
        "disk": installation.disk(),
        "queues": installation.queues(),
        "workers": workers,
        "ticks": installation.ticks(),
        "quarantined": installation.quarantined_runs(),
        "lost": installation.lost_runs(now),
        "deliveries": installation.deliveries(),
        "failed_deliveries": failed.order_by("-due_at")[:20] if request.user.is_superuser else [],
        "last_backup": installation.last_backup(),
        "mail_goes_nowhere": settings.EMAIL_BACKEND.endswith("console.EmailBackend"),
    }
    return render(request, "pages/system.html", context)


@require_POST
def retry_deliveries(request: TeamRequest) -> HttpResponseBase:
    """Try every failed mail once more, from the start."""
    if not request.user.is_superuser:
        raise PermissionDenied("Only who runs the installation may send the failed mails again.")
    again = Delivery.objects.filter(state=DeliveryState.FAILED).update(
        state=DeliveryState.QUEUED, attempts=0, due_at=timezone.now()
    )
    messages.success(request, f"{again} mails are queued again.")
    return redirect("pages:system")


def _require_operator(request: TeamRequest) -> None:
    if not may_see_system(request):
        raise PermissionDenied("The System page is for admins of a team and for who runs the installation.")
