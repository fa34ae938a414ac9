"""A person's own settings."""

from django.contrib import messages
from django.http import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from teams.forms import ZONE_NAMES, SettingsForm
from teams.middleware import TeamRequest
from teams.models import User


@require_http_methods(["GET", "POST"])
def settings(request: TeamRequest) -> HttpResponseBase:
    # A row of its own: a refused form must not change the name that the frame shows.
    person = User.objects.get(pk=request.user.pk)
    form = SettingsForm(request.POST or None, instance=person)
    if request.method == "POST" and form.is_valid():
        person.save(update_fields=["full_name", "time_zone", "theme"])
        messages.success(request, "Saved.")
        return redirect("teams:settings")
    context = {"form": form, "zones": ZONE_NAMES, "has_password": person.has_usable_password()}
    return render(request, "teams/settings.html", context, status=422 if form.errors else 200)


def address(request: TeamRequest) -> HttpResponseBase:
    """Stands where allauth would let people change their address: invitations and single sign-on rely on it."""
    messages.info(request, f"Your address is {request.user.email}. Whoever runs this installation can change it.")
    return redirect("teams:settings")
