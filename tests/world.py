"""A small world to try things in: one team with a person in each role, another team with an outsider."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from teams.actors import Actor
from teams.models import Environment, Membership, Service, Team, User
from teams.roles import Role

NOW = datetime(2026, 3, 14, 9, 0, tzinfo=UTC)


@dataclass
class World:
    """`people` by role name, "outsider" included (admin of `other_team`, so that no role is too low).

    `made` holds what the rows of single apps need; each app's `furnish` fills it.
    """

    team: Team
    other_team: Team
    people: dict[str, User]
    service: Service
    environments: list[Environment]
    now: datetime = NOW
    made: dict[str, Any] = field(default_factory=dict)

    def actor(self, role: str = "admin") -> Actor:
        return Actor.person(self.people[role])

    @classmethod
    def create(cls) -> World:
        team = Team.objects.create(name="Platform", slug="platform")
        other_team = Team.objects.create(name="Payments", slug="payments")
        people = {}
        for role in Role:
            people[role.value] = User.objects.create_user(f"{role}@example.org", full_name=f"{role.label} Person")
            Membership.objects.create(team=team, user=people[role.value], role=role)
        people["outsider"] = User.objects.create_user("outsider@example.org", full_name="Olga Outside")
        Membership.objects.create(team=other_team, user=people["outsider"], role=Role.ADMIN)
        service = Service.objects.create(team=team, name="Edge proxy", slug="edge-proxy")
        environments = [
            Environment.objects.create(team=team, name=name, short_name=short, position=position, is_production=last)
            for position, (name, short, last) in enumerate(
                [("System test", "ST", False), ("Acceptance test", "AT", False), ("Production", "PROD", True)], start=1
            )
        ]
        return cls(team, other_team, people, service, environments)
