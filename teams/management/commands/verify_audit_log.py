"""`manage.py verify_audit_log`: walk the hash chain of the audit log."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from teams import audit
from teams.models import AuditEvent

SHOWN = 20


class Command(BaseCommand):
    help = (
        "Walks the audit log from its first event. Prints the head; exits 1 and names the events when something was "
        "edited, cut out or put in another order. --head with a head that was printed earlier also finds a cut tail."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--head", metavar="HASH", help="a head that was printed earlier: must still be in the log")

    def handle(self, *args: Any, head: str | None = None, **options: Any) -> None:
        found = 0
        for broken in audit.breaks():
            found += 1
            if found <= SHOWN:
                self.stderr.write(f"broken at {broken.sequence}: {broken.problem}")
        if found > SHOWN:
            self.stderr.write(f"and {found - SHOWN} more")
        if head is not None and head != audit.FIRST_HASH and not AuditEvent.objects.filter(hash=head.lower()).exists():
            found += 1
            self.stderr.write(f"the event with the hash {head} is not in the log: it was cut, or rewritten")
        if found:
            sys.exit(1)
        last = AuditEvent.objects.order_by("-sequence").first()
        self.stdout.write(f"{last.sequence} events, head {last.hash}" if last else f"0 events, head {audit.FIRST_HASH}")
