"""The first start of an empty installation: its first admin. Gone as soon as there is one."""

from allauth.account.views import login as allauth_login
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from teams import first_admin
from teams.forms import ZONE_NAMES, WelcomeForm, show_refusal
from teams.refusals import Refused
from teams.views.invitations import PASSWORD_BACKEND

TRIES_A_MINUTE = 10


@login_not_required
@never_cache
@sensitive_post_parameters("password", "setup_code")
@require_http_methods(["GET", "POST"])
def welcome(request: HttpRequest) -> HttpResponseBase:
    if not first_admin.is_needed():
        raise Http404("This installation has its first admin.")
    first_admin.setup_code()  # so that the file the page names is there
    form = WelcomeForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and _code_fits(form):
        values = {name: value for name, value in form.cleaned_data.items() if name != "setup_code"}
        try:
            user = first_admin.create_first_admin(**values, now=timezone.now())
        except Refused as refused:
            show_refusal(form, refused)
        else:
            login(request, user, backend=PASSWORD_BACKEND)
            messages.success(request, "This is Hindsight. Invite your team next.")
            return redirect("teams:team")
    context = {"form": form, "zones": ZONE_NAMES}
    return render(request, "teams/welcome.html", context, status=422 if form.errors else 200)


@login_not_required
def sign_in(request: HttpRequest) -> HttpResponseBase:
    """allauth's sign-in, which is no use to an empty installation: that asks for its first admin instead."""
    if request.method == "GET" and first_admin.is_needed():
        return redirect("teams:welcome")
    response: HttpResponseBase = allauth_login(request)
    return response


def _code_fits(form: WelcomeForm) -> bool:
    """The code is long; the limit of tries only keeps the log short."""
    cache.add("setup-code-tries", 0, timeout=60)
    if cache.incr("setup-code-tries") > TRIES_A_MINUTE:
        form.add_error("setup_code", "Too many tries. Wait a minute.")
    elif not first_admin.is_right_code(form.cleaned_data["setup_code"]):
        form.add_error("setup_code", "This is not the code. It stands in the file setup_code of the state folder.")
    return not form.errors
