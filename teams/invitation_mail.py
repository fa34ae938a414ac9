"""Mailing an invitation's link. The outbox is for users only, and keeps its texts: this link is kept nowhere."""

from __future__ import annotations

import logging
import smtplib
import threading

from django.conf import settings
from django.core.mail import EmailMessage, get_connection

from teams.models import Invitation

PATIENCE_SECONDS = 2.5
logger = logging.getLogger(__name__)


def send_link(invitation: Invitation, link: str) -> str:
    """Mail the link; return in words why it is not known to be mailed, "" when the server took it.

    Returns within `PATIENCE_SECONDS` whatever the mail server does: the inviting person has the link on the page.
    """
    if settings.EMAIL_BACKEND.endswith("console.EmailBackend"):
        return "No mail server is set up (EMAIL_URL), so nothing was mailed."
    body = (
        f"{invitation.invited_by} invites you to the team {invitation.team} in Hindsight.\n\n"
        f"Open this link to come in; it works once, until {invitation.expires_at:%d %B %Y, %H:%M} UTC:\n\n{link}\n"
    )
    mail = EmailMessage(f"Invitation to {invitation.team} in Hindsight", body, to=[invitation.email])
    outcome: list[str] = []
    # The timeout of a connection counts per step of the conversation, and a name server has its own: only not waiting
    # bounds the sum.
    sender = threading.Thread(target=_send, args=(mail, invitation.pk, outcome), daemon=True)
    sender.start()
    sender.join(PATIENCE_SECONDS)
    return outcome[0] if outcome else "The mail server has not answered yet, so the mail may never arrive."


def _send(mail: EmailMessage, invitation_id: int, outcome: list[str]) -> None:
    try:
        mail.connection = get_connection()
        mail.send()
    except (OSError, smtplib.SMTPException) as problem:
        logger.warning("invitation %s not mailed: %s", invitation_id, problem)
        outcome.append(f"The mail could not be sent ({type(problem).__name__}).")
    else:
        outcome.append("")
