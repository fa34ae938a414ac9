"""What MFA=1 and OIDC_SERVER_URL switch on, tried in a process of its own, because settings are read once.

`python -m tests.teams.sign_in_switches SCENARIO` makes the tables in a fresh STATE_DIR, plays the scenario and prints
what happened as JSON; `test_sign_in_switches.py` says what should have.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import struct
import sys
import time
from base64 import b32decode
from collections.abc import Callable
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django

django.setup()

from allauth.account.middleware import AccountMiddleware  # noqa: E402
from allauth.socialaccount.adapter import get_adapter  # noqa: E402
from django.contrib.auth.middleware import AuthenticationMiddleware  # noqa: E402
from django.contrib.messages.middleware import MessageMiddleware  # noqa: E402
from django.contrib.sessions.middleware import SessionMiddleware  # noqa: E402
from django.core.cache import cache  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.http import HttpRequest, HttpResponseBase  # noqa: E402
from django.test import Client, RequestFactory  # noqa: E402
from django.urls import URLPattern, URLResolver, get_resolver, reverse  # noqa: E402
from django.utils import timezone  # noqa: E402

from teams import first_admin, invitations  # noqa: E402
from teams.actors import Actor  # noqa: E402
from teams.models import Team, User  # noqa: E402
from teams.roles import Role  # noqa: E402

PASSWORD = "a sentence to remember"


def make_admin() -> User:
    return first_admin.create_first_admin(
        email="ada@example.org",
        full_name="Ada Lovelace",
        password=PASSWORD,
        time_zone="UTC",
        team_name="Platform",
        now=timezone.now(),
    )


def invite(email: str, role: Role = Role.RESPONDER) -> str:
    """The token of an invitation to Platform."""
    admin = User.objects.get(email="ada@example.org")
    _, token = invitations.invite(Team.objects.get(), email, role, actor=Actor.person(admin), now=timezone.now())
    return token


def extra_routes() -> dict[str, dict[str, int]]:
    """Route → what nobody and a signed-in person get, of every route that only a switch brings."""
    make_admin()
    filled = {"provider_id": "oidc", "pk": 1}
    found = {}
    for name, pattern in _routes(get_resolver().url_patterns):
        if not name.startswith(("mfa_", "openid_connect_", "socialaccount_")):
            continue
        url = reverse(name, kwargs={key: value for key, value in filled.items() if f":{key}>" in pattern})
        member = Client()
        member.post("/accounts/login/", {"login": "ada@example.org", "password": PASSWORD})
        found[name] = {"anonymous": Client().get(url).status_code, "member": member.get(url).status_code}
    return found


def _routes(patterns: list[URLPattern | URLResolver], before: str = "") -> list[tuple[str, str]]:
    found = []
    for entry in patterns:
        whole = before + str(entry.pattern).replace("(?P<provider_id>", "<str:provider_id>")
        if isinstance(entry, URLResolver):
            found += _routes(entry.url_patterns, whole)
        elif entry.name:
            found.append((entry.name, whole))
    return found


def second_factor() -> dict[str, Any]:
    """The first admin and an invited person switch one-time codes on, then sign in with one."""
    make_admin()
    guest = Client()
    account = {"full_name": "New Person", "password": PASSWORD, "time_zone": "UTC"}
    joined = guest.post(f"/invitations/{invite('new@example.org')}/", account)
    outcome: dict[str, Any] = {"joined": joined.status_code}
    for who in ("ada", "new"):
        client = Client()
        client.post("/accounts/login/", {"login": f"{who}@example.org", "password": PASSWORD})
        client.post("/accounts/reauthenticate/", {"password": PASSWORD})  # allauth asks again before such a change
        shown = client.get("/accounts/2fa/totp/activate/")
        secret = client.session.get("mfa.totp.secret", "")
        activated = client.post("/accounts/2fa/totp/activate/", {"code": one_time_code(secret)}) if secret else shown
        again = Client()
        asked = again.post("/accounts/login/", {"login": f"{who}@example.org", "password": PASSWORD})
        without = "_auth_user_id" in again.session
        cache.clear()  # a code is good once, and the next one half a minute away
        again.post("/accounts/2fa/authenticate/", {"code": one_time_code(secret)})
        outcome[who] = {
            "page": shown.status_code,
            "activated": activated.status_code,
            "asked_at": asked.headers.get("Location", ""),
            "in_without_code": without,
            "in_with_code": "_auth_user_id" in again.session,
        }
    return outcome


def one_time_code(secret: str) -> str:
    """RFC 6238 with its usual values: SHA-1, 30 seconds, six digits."""
    counter = struct.pack(">Q", int(time.time()) // 30)
    digest = hmac.new(b32decode(secret), counter, hashlib.sha1).digest()
    offset = digest[-1] & 15
    return f"{(int.from_bytes(digest[offset : offset + 4]) & 0x7FFFFFFF) % 10**6:06d}"


def single_sign_on() -> dict[str, Any]:
    """What the provider tells about a person, and whether they come in: allauth's flow after the token's check."""
    admin = make_admin()
    invite("new@example.org")
    invite("liar@example.org")
    outcome: dict[str, Any] = {"callback": reverse("openid_connect_callback", kwargs={"provider_id": "oidc"})}
    for name, email, verified in (
        ("known", "ADA@example.org", True),
        ("known again", "ada@example.org", True),
        ("known, not verified", "ada@example.org", False),
        ("invited", "new@example.org", True),
        ("invited, not verified", "liar@example.org", False),
        ("stranger", "eve@example.org", True),
        ("nobody", "", False),
    ):
        subject = name.removesuffix(" again")
        facts = {"sub": subject, "email": email, "email_verified": verified, "name": "Given By Provider"}
        outcome[name] = come_back_from_provider(facts)
    admin.refresh_from_db()
    outcome["password kept"] = admin.check_password(PASSWORD)
    outcome["people"] = sorted(User.objects.values_list("email", "full_name"))
    outcome["members"] = sorted(Team.objects.get().memberships.values_list("user__email", "role"))
    return outcome


def come_back_from_provider(facts: dict[str, Any]) -> dict[str, Any]:
    """Who is signed in afterwards, and the answer."""
    signed_in: dict[str, Any] = {}

    def view(request: HttpRequest) -> HttpResponseBase:
        from_provider = get_adapter().get_provider(request, "oidc")
        login = from_provider.sociallogin_from_response(request, {"userinfo": facts})
        login.state = {"process": "login"}
        answer: HttpResponseBase = complete_login(request, login)
        signed_in["as"] = getattr(request.user, "email", None)
        signed_in["status"] = answer.status_code
        signed_in["to"] = answer.headers.get("Location", "")
        return answer

    chain: Any = view
    for middleware in (AccountMiddleware, MessageMiddleware, AuthenticationMiddleware, SessionMiddleware):
        chain = middleware(chain)
    chain(RequestFactory().get("/accounts/oidc/oidc/login/callback/"))
    return signed_in


SCENARIOS: dict[str, Callable[[], dict[str, Any]]] = {
    "extra_routes": extra_routes,
    "second_factor": second_factor,
    "single_sign_on": single_sign_on,
}

if os.environ.get("OIDC_SERVER_URL"):
    from allauth.socialaccount.helpers import complete_social_login as complete_login

if __name__ == "__main__":
    call_command("migrate", verbosity=0)
    print(json.dumps(SCENARIOS[sys.argv[1]]()))
