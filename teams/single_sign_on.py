"""Single sign-on by OpenID Connect: the provider proves the address, we decide whether the address may come in.

Loaded only where OIDC_SERVER_URL is set, because allauth's models of it need their app installed.
"""

from typing import Any

from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from teams.invitations import accept, open_to
from teams.models import User


class OnlyKnownAddresses(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """Lets in addresses that have an account already (allauth connects them when the provider says they are
    verified) and addresses with an open invitation; shows everybody else the page "by invitation"."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        return any(open_to(email, timezone.now()).exists() for email in verified_addresses(sociallogin))

    def populate_user(self, request: HttpRequest, sociallogin: Any, data: dict[str, Any]) -> User:
        user: User = super().populate_user(request, sociallogin, data)
        parts = (data.get("first_name"), data.get("last_name"))
        user.full_name = (data.get("name") or " ".join(part for part in parts if part) or user.email)[:120]
        return user

    @transaction.atomic
    def save_user(self, request: HttpRequest, sociallogin: Any, form: Any = None) -> User:
        """Make the account and accept what it is invited to, in one transaction."""
        user: User = super().save_user(request, sociallogin, form)
        now = timezone.now()
        for invitation in open_to(user.email, now).select_related("team"):
            accept(invitation, user, now=now)
        return user


def verified_addresses(sociallogin: Any) -> list[str]:
    """Addresses of which the provider says that they belong to the person."""
    return [address.email for address in sociallogin.email_addresses if address.verified]
