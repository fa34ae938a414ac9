"""Changing and ending a person's membership, and taking that back."""

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from teams import membership
from teams.access import team_for
from teams.actors import Actor
from teams.models import AuditEvent, User
from teams.refusals import Refused
from teams.roles import Role


@require_POST
def change_role(request: HttpRequest, team_slug: str, user_id: int) -> HttpResponseBase:
    team = team_for(request.user, team_slug, Role.ADMIN)
    try:
        changed = membership.change_role(team, user_id, _role(request), actor=Actor.of(request), now=timezone.now())
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, f"{changed.user} is {Role(changed.role).label.lower()} now.")
    return redirect("teams:team")


@require_POST
def remove(request: HttpRequest, team_slug: str, user_id: int) -> HttpResponseBase:
    team = team_for(request.user, team_slug, Role.ADMIN)
    try:
        removed = membership.remove_member(team, user_id, actor=Actor.of(request), now=timezone.now())
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        undo = reverse("teams:member_restore", args=[team.slug, user_id])
        messages.success(request, f"{removed.user} is out of the team.", extra_tags=undo)
    return redirect("teams:team")


@require_POST
def restore(request: HttpRequest, team_slug: str, user_id: int) -> HttpResponseBase:
    """Undo a removal: with the role that the audit log says the person had."""
    team = team_for(request.user, team_slug, Role.ADMIN)
    removals = AuditEvent.objects.filter(team=team, action="member.removed", before__user=user_id)
    last = removals.order_by("-sequence").first()
    if last is None or last.before is None:
        messages.error(request, "This person was not removed from this team.")
        return redirect("teams:team")
    user = get_object_or_404(User, pk=user_id)
    membership.add_member(team, user, Role(last.before["role"]), actor=Actor.of(request), now=timezone.now())
    messages.success(request, f"{user} is back in the team.")
    return redirect("teams:team")


def _role(request: HttpRequest) -> Role:
    try:
        return Role(request.POST.get("role", ""))
    except ValueError:
        raise BadRequest("There is no such role. It is viewer, responder, maintainer or admin.") from None
