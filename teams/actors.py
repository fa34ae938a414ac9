"""Who makes a change, and from where: handed down to every function that changes state."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest

from teams.models import User


@dataclass(frozen=True)
class Actor:
    """A person, or Hindsight itself (`user` is None)."""

    name: str
    user: User | None = None
    address: str = ""

    @classmethod
    def of(cls, request: HttpRequest) -> Actor:
        """The signed-in person of a request."""
        user = request.user
        assert isinstance(user, User)
        return cls(name=str(user), user=user, address=request.META.get("REMOTE_ADDR", ""))

    @classmethod
    def person(cls, user: User) -> Actor:
        return cls(name=str(user), user=user)


HINDSIGHT = Actor(name="Hindsight")
