"""Files of an incident: taking them, serving them from where nothing runs."""

from __future__ import annotations

from django.contrib import messages
from django.db import transaction
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from incidents import attachments
from incidents.access import attachment_for, incident_for, part_of
from incidents.models import TimelineEntry
from teams.actors import Actor
from teams.refusals import Refused
from teams.roles import Role

# Should a browser show it in spite of everything, it may run and load nothing.
SANDBOX = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; sandbox"


@require_POST
def add(request: HttpRequest, key: str) -> HttpResponse:
    """An upload by form, or a pasted picture (then the answer is JSON with the Markdown that shows it)."""
    incident = incident_for(request.user, key, Role.RESPONDER)
    wants_json = "application/json" in request.headers.get("Accept", "")
    entry_id = request.POST.get("entry", "")
    is_number = entry_id.isascii() and entry_id.isdigit() and len(entry_id) < 18
    entry = part_of(TimelineEntry, incident, pk=int(entry_id)) if is_number else None
    uploaded = request.FILES.getlist("file")
    try:
        if not uploaded:
            raise Refused("Choose a file first.", "file")
        with transaction.atomic():  # all of them, or none with the name of the one that does not fit
            kept = [
                attachments.attach(
                    incident, each.file, each.name or "file", entry=entry, actor=Actor.of(request), now=timezone.now()
                )
                for each in uploaded
                if each.file is not None
            ]
    except Refused as refused:
        if wants_json:
            return JsonResponse({"error": str(refused)}, status=422)
        messages.error(request, str(refused))
        return redirect("incidents:incident", key)
    if wants_json:
        return JsonResponse({"markdown": " ".join(attachments.markdown_of(each) for each in kept)}, status=201)
    undo = reverse("incidents:remove", args=[key, "attachment", kept[0].pk]) if len(kept) == 1 else ""
    messages.success(request, f"{', '.join(each.name for each in kept)} attached.", extra_tags=undo)
    return redirect("incidents:incident", key)


@require_GET
def show(request: HttpRequest, key: str, attachment_id: int) -> FileResponse:
    """The file: pictures shown, everything else as a download."""
    attachment = attachment_for(request.user, key, attachment_id)
    try:
        content = attachment.file.open("rb")
    except FileNotFoundError:
        raise Http404("This file is not in the store any more.") from None
    is_picture = attachment.content_type in attachments.PICTURE_TYPES
    response = FileResponse(
        content, as_attachment=not is_picture, filename=attachment.name, content_type=attachment.content_type
    )
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = SANDBOX
    response["Cache-Control"] = "private, max-age=3600"
    return response
