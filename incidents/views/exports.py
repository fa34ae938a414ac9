"""Asking for a PDF, watching it being made, fetching it."""

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from incidents.access import incident_for
from incidents.exporting.exports import request_export
from incidents.models import Export, ExportState
from teams.actors import Actor

PAPERS = ("A4", "Letter")
UNCHANGED = 204
BADGE_STATES = {
    ExportState.QUEUED: "queued",
    ExportState.CLAIMED: "running",
    ExportState.DONE: "ok",
    ExportState.FAILED: "failed",
}


@require_POST
def export_create(request: HttpRequest, key: str) -> HttpResponse:
    """Everybody who may read the incident may have it as a PDF."""
    incident = incident_for(request.user, key)
    paper = request.POST.get("paper", "A4")
    paper = paper if paper in PAPERS else "A4"
    export = request_export(incident, paper=paper, actor=Actor.of(request), now=timezone.now())
    return redirect("incidents:export", key=key, export_id=export.pk)


@require_GET
def export(request: HttpRequest, key: str, export_id: int) -> HttpResponse:
    """Where the document stands. As a live part it answers 204 while nothing has changed."""
    incident = incident_for(request.user, key)
    row = get_object_or_404(Export, incident=incident, pk=export_id)
    context = {
        "incident": incident,
        "export": row,
        "live_version": live_version(row),
        "badge_state": BADGE_STATES[ExportState(row.state)],
    }
    if request.GET.get("version"):
        if request.GET["version"] == context["live_version"]:
            return HttpResponse(status=UNCHANGED)
        return render(request, "incidents/_export_progress.html", context)
    earlier = incident.exports.exclude(pk=row.pk).select_related("requested_by")[:10]
    return render(request, "incidents/export.html", {**context, "earlier": earlier})


@require_GET
def export_file(request: HttpRequest, key: str, export_id: int) -> FileResponse:
    """The PDF, as a download named after the incident."""
    incident = incident_for(request.user, key)
    row = get_object_or_404(Export, incident=incident, pk=export_id)
    if row.state != ExportState.DONE or not row.file:
        raise Http404("This document is not ready, or was removed.")
    name = f"{incident.key}-postmortem.pdf"
    try:
        content = row.file.open("rb")
    except FileNotFoundError:
        raise Http404("This document is not in the store any more. Ask for it again.") from None
    return FileResponse(content, as_attachment=True, filename=name, content_type="application/pdf")


def live_version(row: Export) -> str:
    """Changes whenever the page would show something else."""
    return f"{row.state}-{row.token}-{row.progress}".replace(" ", "_")
