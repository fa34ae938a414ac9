"""Inviting somebody, and the page that the invited person opens."""

from __future__ import annotations

import logging
import smtplib

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.core.mail import EmailMessage
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from teams import invitations
from teams.access import invitation_for
from teams.actors import Actor
from teams.changes import Refused
from teams.forms import ZONE_NAMES, AccountForm, InviteForm, show_refusal
from teams.middleware import SESSION_KEY
from teams.models import Invitation, User
from teams.roles import Role
from teams.views.team import admin_team, team_page

logger = logging.getLogger(__name__)
PASSWORD_BACKEND = "django.contrib.auth.backends.ModelBackend"  # noqa: S105 - a class, no password


@never_cache
@require_POST
def invite(request: HttpRequest) -> HttpResponse:
    """Shows the link once. No redirect: the link is kept nowhere, so that the answer is the one place to show it."""
    team = admin_team(request)
    form = InviteForm(request.POST)
    if not form.is_valid():
        return team_page(request, team, invite=form)
    try:
        invitation, token = invitations.invite(
            team,
            form.cleaned_data["email"],
            Role(form.cleaned_data["role"]),
            actor=Actor.of(request),
            now=timezone.now(),
        )
    except Refused as refused:
        show_refusal(form, refused)
        return team_page(request, team, invite=form)
    link = settings.PUBLIC_URL + reverse("teams:invitation", args=[token])
    context = {"team": team, "invitation": invitation, "link": link, "mail_trouble": _mail(invitation, link)}
    return render(request, "teams/invited.html", context)


def _mail(invitation: Invitation, link: str) -> str:
    """Send the link; return in words what went wrong. The outbox is for users only: the invited is none yet."""
    if settings.EMAIL_BACKEND.endswith("console.EmailBackend"):
        return "No mail server is set up (EMAIL_URL), so nothing was mailed."
    body = (
        f"{invitation.invited_by} invites you to the team {invitation.team} in Hindsight.\n\n"
        f"Open this link to come in; it works once, until {invitation.expires_at:%d %B %Y, %H:%M} UTC:\n\n{link}\n"
    )
    try:
        EmailMessage(f"Invitation to {invitation.team} in Hindsight", body, to=[invitation.email]).send()
    except (OSError, smtplib.SMTPException) as problem:
        logger.warning("invitation %s not mailed: %s", invitation.pk, problem)
        return f"The mail could not be sent ({type(problem).__name__})."
    return ""


@require_POST
def revoke(request: HttpRequest, invitation_id: int) -> HttpResponseBase:
    invitation = invitation_for(request.user, invitation_id)
    invitations.revoke(invitation, actor=Actor.of(request), now=timezone.now())
    undo = reverse("teams:invitation_reinstate", args=[invitation.pk])
    messages.success(request, f"The invitation of {invitation.email} is revoked.", extra_tags=undo)
    return redirect("teams:team")


@require_POST
def reinstate(request: HttpRequest, invitation_id: int) -> HttpResponseBase:
    invitation = invitation_for(request.user, invitation_id)
    try:
        invitations.reinstate(invitation, actor=Actor.of(request), now=timezone.now())
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, f"The link of {invitation.email} works again.")
    return redirect("teams:team")


@login_not_required
@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def accept(request: HttpRequest, token: str) -> HttpResponseBase:
    """Make the account, or join with the one signed in with."""
    invitation = invitations.find(token)
    problem = invitations.problem_with(invitation, timezone.now())
    if invitation is None or problem:
        return render(request, "teams/invitation_closed.html", {"problem": problem}, status=410)
    if isinstance(request.user, User):
        return _join(request, invitation, request.user)
    if User.objects.filter(email__iexact=invitation.email).exists():
        return redirect(f"{reverse('account_login')}?next={request.path}")
    form = AccountForm(request.POST or None, initial={"time_zone": invitation.team.time_zone})
    form.invited_address = invitation.email
    if request.method == "POST" and form.is_valid():
        try:
            user = invitations.accept_with_new_account(invitation, **form.cleaned_data, now=timezone.now())
        except Refused as refused:
            show_refusal(form, refused)
        else:
            login(request, user, backend=PASSWORD_BACKEND)
            messages.success(request, f"Welcome to {invitation.team}.")
            return redirect("/")
    context = {"invitation": invitation, "form": form, "zones": ZONE_NAMES}
    return render(request, "teams/accept.html", context, status=422 if form.errors else 200)


def _join(request: HttpRequest, invitation: Invitation, user: User) -> HttpResponseBase:
    if user.email.lower() != invitation.email.lower():
        problem = f"This invitation is for {invitation.email}; you are signed in as {user.email}. Sign out first."
        return render(request, "teams/invitation_closed.html", {"problem": problem}, status=409)
    if request.method == "GET":
        return render(request, "teams/join.html", {"invitation": invitation})
    try:
        invitations.accept(invitation, user, now=timezone.now())
    except Refused as refused:
        return render(request, "teams/invitation_closed.html", {"problem": str(refused)}, status=410)
    request.session[SESSION_KEY] = invitation.team_id
    messages.success(request, f"Welcome to {invitation.team}.")
    return redirect("/")
