"""The outbox: what must be told is a row in the caller's transaction, and is sent afterwards by a worker.

A delivery is claimed by a guarded UPDATE that counts its token up, sent, and recorded *after* sending: a sender that
dies in between repeats the mail (with the same Message-ID), never forgets it. A sender that comes late, with an old
token, writes nothing.
"""

from __future__ import annotations

import logging
import smtplib
import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db.models import F, Q, QuerySet

from notifications.models import Delivery, DeliveryState, Message
from teams.models import Team, User

logger = logging.getLogger(__name__)

WAIT_AFTER_FAILURE = [
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=6),
]
LEASE = timedelta(minutes=2)  # far above EMAIL_TIMEOUT for each of the few steps of one SMTP transaction
BATCH = 50


def tell(
    team: Team, *, key: str, subject: str, body: str, path: str = "", to: Iterable[User], now: datetime
) -> Message | None:
    """Queue one mail per person. Call inside the transaction that makes the news: both stand or neither.

    `body` is plain text; the link PUBLIC_URL + `path` is added when it is sent. A message whose `key` was told
    before is not told again: then the result is None.
    """
    message, is_new = Message.objects.get_or_create(
        key=key,
        defaults={
            "team": team,
            "subject": " ".join(subject.split())[:200],  # a line break would end the header
            "body": body,
            "path": path,
            "created_at": now,
        },
    )
    if not is_new:
        return None
    people = {person.pk: person for person in to if person.is_active}
    Delivery.objects.bulk_create(Delivery(message=message, recipient=person, due_at=now) for person in people.values())
    return message


def due(now: datetime) -> QuerySet[Delivery]:
    """Deliveries to be tried at `now`: queued ones, and claimed ones whose sender is gone."""
    return Delivery.objects.filter(
        Q(state=DeliveryState.QUEUED, due_at__lte=now) | Q(state=DeliveryState.CLAIMED, lease_expires_at__lte=now)
    ).order_by("due_at", "pk")


def deliver_due(now: datetime) -> int:
    """Send what is due, at most `BATCH` mails over one connection; return how many were sent.

    Any number of senders may run. No transaction is open while the network is used. A mail server that does not
    answer is asked once per call, not once per mail.
    """
    started = time.monotonic()
    connection: BaseEmailBackend | None = None
    sent = 0
    unreachable = ""
    for delivery in due(now).select_related("message", "recipient")[:BATCH]:
        moment = now + timedelta(seconds=time.monotonic() - started)
        if not claim(delivery, moment):
            continue
        try:
            if unreachable:
                raise ConnectionError(unreachable)
            if connection is None:
                connection = get_connection()
                try:
                    connection.open()
                except Exception as problem:
                    unreachable = _in_words(problem)
                    raise
            _mail(delivery, connection).send()
        except Exception as problem:  # whatever one mail does, the others must go out
            if isinstance(problem, OSError) and not isinstance(problem, smtplib.SMTPResponseException):
                connection = None  # it broke off: the next mail opens a new one
            record_failure(delivery, problem, moment)
        else:
            sent += record_sent(delivery, now + timedelta(seconds=time.monotonic() - started))
    if connection is not None:
        _close(connection)
    return sent


def claim(delivery: Delivery, now: datetime) -> bool:
    """Take the delivery as it was read; False when another sender was first."""
    taken = Delivery.objects.filter(pk=delivery.pk, token=delivery.token, state=delivery.state).update(
        state=DeliveryState.CLAIMED, token=F("token") + 1, attempts=F("attempts") + 1, lease_expires_at=now + LEASE
    )
    if taken:
        delivery.state = DeliveryState.CLAIMED
        delivery.token += 1
        delivery.attempts += 1
    return bool(taken)


def record_sent(delivery: Delivery, now: datetime) -> int:
    """Write down that it went out; 0 when another sender holds it by now."""
    return _held(delivery).update(state=DeliveryState.SENT, sent_at=now, lease_expires_at=None, last_error="")


def record_failure(delivery: Delivery, problem: Exception, now: datetime) -> int:
    """Plan the next try, or give up: after the last wait, or when the address is refused for good."""
    reason = _in_words(problem)
    logger.warning("mail to %s not sent (try %d): %s", delivery.recipient.email, delivery.attempts, reason)
    if delivery.attempts > len(WAIT_AFTER_FAILURE) or _is_refused_for_good(problem):
        return _held(delivery).update(state=DeliveryState.FAILED, lease_expires_at=None, last_error=reason)
    return _held(delivery).update(
        state=DeliveryState.QUEUED,
        due_at=now + WAIT_AFTER_FAILURE[delivery.attempts - 1],
        lease_expires_at=None,
        last_error=reason,
    )


def _held(delivery: Delivery) -> QuerySet[Delivery]:
    return Delivery.objects.filter(pk=delivery.pk, token=delivery.token, state=DeliveryState.CLAIMED)


def _mail(delivery: Delivery, connection: BaseEmailBackend) -> EmailMessage:
    message = delivery.message
    body = message.body.rstrip() + "\n"
    if message.path:
        body += f"\n{settings.PUBLIC_URL}{message.path}\n"
    host = urlsplit(settings.PUBLIC_URL).hostname or "localhost"
    # The same delivery has the same id, so that a repeated mail is shown once where the reader's program knows how.
    headers = {"Message-ID": f"<hindsight-delivery-{delivery.pk}@{host}>", "Auto-Submitted": "auto-generated"}
    return EmailMessage(message.subject, body, to=[delivery.recipient.email], connection=connection, headers=headers)


def _is_refused_for_good(problem: Exception) -> bool:
    """RFC 5321, 4.2.1: a 5yz reply to RCPT is permanent, a 4yz one is worth another try."""
    if not isinstance(problem, smtplib.SMTPRecipientsRefused):
        return False
    return all(code >= 500 for code, _ in problem.recipients.values())


def _in_words(problem: Exception) -> str:
    if isinstance(problem, smtplib.SMTPRecipientsRefused):
        answers = (f"{code} {text.decode(errors='replace')}" for code, text in problem.recipients.values())
        return ("The mail server refused the address: " + "; ".join(answers))[:400]
    return f"{type(problem).__name__}: {problem}"[:400]


def _close(connection: BaseEmailBackend) -> None:
    try:
        connection.close()
    except OSError as problem:
        logger.info("closing the mail connection: %s", problem)
