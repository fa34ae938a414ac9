from __future__ import annotations

from django.conf import settings
from django.db import models

from teams.models.team import Team


class AuditEvent(models.Model):
    """One change, as it was made: the history of its subject and a link of the hash chain.

    Append-only: database triggers refuse update and delete. `subject` is the key of the aggregate whose history
    shows the event (``INC-2``, ``MNT-14``, ``team:platform``). Free text is stored as digests only, so that a
    pasted secret can be redacted from everywhere else.
    """

    sequence = models.PositiveBigIntegerField(unique=True)
    at = models.DateTimeField()
    team = models.ForeignKey(Team, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    actor_name = models.CharField(max_length=200)
    address = models.CharField(max_length=64, blank=True, help_text="Network address the change came from.")
    action = models.CharField(max_length=80, help_text="Such as incident.declared.")
    subject = models.CharField(max_length=80)
    summary = models.CharField(max_length=200, help_text="One sentence for people, without anybody's free text.")
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        ordering = ["-sequence"]
        indexes = [models.Index(fields=["subject", "-sequence"], name="audit_by_subject")]

    def __str__(self) -> str:
        return f"{self.sequence} {self.action} {self.subject}"


class AuditHead(models.Model):
    """The end of the chain: one row, locked while an event is appended."""

    sequence = models.PositiveBigIntegerField(default=0)
    hash = models.CharField(max_length=64)

    def __str__(self) -> str:
        return f"{self.sequence} {self.hash}"
