"""Two admins who take each other's, or their own, role at the same moment: one of them stays."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import connection
from django.utils import timezone

from teams.actors import Actor
from teams.membership import change_role, remove_member
from teams.models import AuditEvent, Membership, User
from teams.refusals import Refused
from teams.roles import Role
from tests.world import World

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_forms]


def demote(world: World, who: User, whom: User) -> None:
    change_role(world.team, whom.pk, Role.VIEWER, actor=Actor.person(who), now=timezone.now())


def remove(world: World, who: User, whom: User) -> None:
    remove_member(world.team, whom.pk, actor=Actor.person(who), now=timezone.now())


@pytest.mark.parametrize("action", [demote, remove])
def test_the_last_admin_stays_when_both_leave_at_once(action: Callable[[World, User, User], None]) -> None:
    world = World.create()
    first, second = world.people["admin"], world.people["maintainer"]
    for _ in range(8):
        for person in (first, second):
            Membership.objects.update_or_create(team=world.team, user=person, defaults={"role": Role.ADMIN})
        before = AuditEvent.objects.count()
        outcomes = at_once(
            lambda: action(world, first, second),
            lambda: action(world, second, first),
        )
        assert sorted(outcomes) == ["done", "refused"]
        assert Membership.objects.filter(team=world.team, role=Role.ADMIN).count() == 1
        assert AuditEvent.objects.count() == before + 1, "the refused one left no event"


def at_once(*changes: Callable[[], None]) -> list[str]:
    """Each on a thread and connection of its own, let go together; "done", "refused" or the problem, for each."""
    start, outcomes = threading.Barrier(len(changes)), []

    def run(change: Callable[[], None]) -> None:
        try:
            start.wait(10)
            change()
            outcomes.append("done")
        except Refused:
            outcomes.append("refused")
        except BaseException as problem:
            outcomes.append(repr(problem))
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(change,)) for change in changes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return outcomes
