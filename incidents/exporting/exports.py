"""The ledger of documents to be made: rows, claims by token, one result. The document worker works it off."""

from __future__ import annotations

import hashlib
import logging
import threading
from datetime import datetime, timedelta

from django.core.files.base import ContentFile
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from incidents.exporting.document import postmortem_document
from incidents.exporting.pdf import CannotRender, Limits, render_pdf
from incidents.models import Export, ExportState, Incident
from runbooks.bell import ring_for
from teams import audit
from teams.actors import Actor

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=Limits().wall_seconds + 30)
MOST_TRIES = 3
QUEUE = "documents"
_at_work = threading.Lock()


def request_export(incident: Incident, *, paper: str, actor: Actor, now: datetime) -> Export:
    """Put a PDF of the incident on the list, and ring for the document worker.

    Who asks again while theirs is not made yet gets that one: a double click, or a loop, makes one document.
    """
    with transaction.atomic():
        Incident.objects.select_for_update().get(pk=incident.pk)  # a double click's two requests come one by one
        waiting = incident.exports.filter(
            paper=paper, requested_by=actor.user, state__in=(ExportState.QUEUED, ExportState.CLAIMED)
        ).first()
        if waiting is not None:
            return waiting
        export = Export.objects.create(
            incident=incident, paper=paper, requested_by=actor.user, requested_at=now, progress="Waiting"
        )
        audit.record(
            "export.requested",
            actor=actor,
            subject=incident.key,
            summary=f"Asked for a PDF ({paper})",
            now=now,
            team=incident.team,
            after={"export": export.pk, "paper": paper},
        )
        transaction.on_commit(_ring, robust=True)
    return export


def _ring() -> None:
    """The bell only saves a second: the document worker's clock looks at the list anyway."""
    ring_for("incidents.make_documents", QUEUE)


def make_due_exports(now: datetime | None = None) -> int:
    """Make what is on the list, one after the other; returns how many were made or failed.

    Any number of processes may do so. Within a process one does: a second caller leaves it to the first.
    """
    made = 0
    if _at_work.acquire(blocking=False):
        try:
            while (export := _claim_next(now or timezone.now())) is not None:
                _make(export)
                made += 1
        finally:
            _at_work.release()
    return made


def _claim_next(now: datetime) -> Export | None:
    """Take the oldest that waits or whose maker is gone; a guarded UPDATE decides who has it."""
    free = Q(state=ExportState.QUEUED) | Q(state=ExportState.CLAIMED, lease_expires_at__lt=now)
    for export in Export.objects.filter(free).order_by("requested_at")[:5]:
        mine = Export.objects.filter(pk=export.pk, state=export.state, token=export.token)
        if export.token >= MOST_TRIES:
            mine.update(state=ExportState.FAILED, error=f"Its maker died {MOST_TRIES} times.", finished_at=now)
        elif mine.update(
            state=ExportState.CLAIMED, token=F("token") + 1, lease_expires_at=now + LEASE, progress="Collecting"
        ):
            return Export.objects.select_related("incident__team").get(pk=export.pk)
    return None


def _make(export: Export) -> None:
    mine = Export.objects.filter(pk=export.pk, token=export.token, state=ExportState.CLAIMED)
    try:
        html, assets = postmortem_document(export.incident, paper=export.paper, now=timezone.now())
        pdf = render_pdf(html, assets, on_progress=lambda words: _tell(export, words))
    except CannotRender as reason:
        mine.update(state=ExportState.FAILED, error=str(reason)[:400], finished_at=timezone.now())
        return
    except Exception:
        logger.exception("export %s", export.pk)
        error = "Hindsight itself failed; the log says more."
        mine.update(state=ExportState.FAILED, error=error, finished_at=timezone.now())
        return
    name = f"{export.incident.key}-postmortem.pdf"
    export.file.save(name, ContentFile(pdf), save=False)
    written = mine.update(
        state=ExportState.DONE,
        file=export.file.name,
        sha256=hashlib.sha256(pdf).hexdigest(),
        progress="Ready",
        finished_at=timezone.now(),
    )
    if not written:  # somebody else took it over: theirs counts
        export.file.delete(save=False)


def _tell(export: Export, words: str) -> None:
    Export.objects.filter(pk=export.pk, token=export.token, state=ExportState.CLAIMED).update(progress=words)
