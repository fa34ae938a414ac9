"""Inviting somebody, and the page that the invited person opens."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.core import signing
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from teams import invitation_mail, invitations
from teams.access import invitation_for
from teams.actors import Actor
from teams.forms import ZONE_NAMES, AccountForm, InviteForm, show_refusal
from teams.middleware import SESSION_KEY
from teams.models import Invitation, User
from teams.refusals import Refused
from teams.roles import Role
from teams.views.team import admin_team, team_page

LINK_COOKIE = "invitation_link"
LINK_COOKIE_SECONDS = 300
PASSWORD_BACKEND = "django.contrib.auth.backends.ModelBackend"  # noqa: S105 - a class, no password


@never_cache
@require_POST
def invite(request: HttpRequest) -> HttpResponseBase:
    """Make it, mail it, and go to the page that shows the link once."""
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
    return _to_be_shown_once({"token": token, "mail_trouble": invitation_mail.send_link(invitation, link)})


def _to_be_shown_once(facts: dict[str, str]) -> HttpResponseBase:
    """The link travels in a cookie of the inviting browser, because neither the database nor an address in logs and
    histories may hold it."""
    place = reverse("teams:invited")
    response = redirect(place)
    response.set_cookie(
        LINK_COOKIE,
        signing.dumps(facts, salt=LINK_COOKIE),
        max_age=LINK_COOKIE_SECONDS,
        path=place,
        secure=settings.HTTPS,
        httponly=True,
        samesite="Lax",
    )
    return response


@never_cache
@require_GET
def invited(request: HttpRequest) -> HttpResponseBase:
    """The invitation just made, with its link; once."""
    try:
        cookie = request.COOKIES.get(LINK_COOKIE, "")
        facts: dict[str, Any] = signing.loads(cookie, salt=LINK_COOKIE, max_age=LINK_COOKIE_SECONDS)
    except signing.BadSignature:
        messages.info(request, "The link was shown already. Invite the address again for another.")
        return redirect("teams:team")
    found = invitations.find(facts["token"])
    invitation = invitation_for(request.user, found.pk if found else 0)
    context = {
        "team": invitation.team,
        "invitation": invitation,
        "link": settings.PUBLIC_URL + reverse("teams:invitation", args=[facts["token"]]),
        "mail_trouble": facts["mail_trouble"],
    }
    response = render(request, "teams/invited.html", context)
    response.delete_cookie(LINK_COOKIE, path=request.path)
    return response


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
