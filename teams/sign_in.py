"""How people come in: by invitation and password. Nobody signs themselves up. Single sign-on: `single_sign_on`."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class ByInvitationOnly(DefaultAccountAdapter):  # type: ignore[misc]
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def is_safe_url(self, url: str) -> bool:
        """Whether `?next=` leads to a page of ours. What cannot be read as an address, such as http://[, does not."""
        try:
            return bool(super().is_safe_url(url))
        except ValueError:
            return False

    def populate_username(self, request: HttpRequest, user: Any) -> None:
        """There are no user names."""

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """Failed tries are counted per account *and* address: who guesses is throttled, the owner elsewhere is not
        locked out of their own account. (The limit per address alone, allauth's 10 a minute, stays beside it.)"""
        key: str = super()._get_login_attempts_cache_key(request, **credentials)
        return f"{key}:{self.get_client_ip(request)}"
