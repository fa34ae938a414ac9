"""The audit log: append-only by triggers, and tamper-evident by its chain."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.db.models import F
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from teams import audit, audit_triggers
from teams.actors import HINDSIGHT, Actor
from teams.models import AuditEvent, AuditHead

NOW = datetime(2026, 3, 14, 9, 0, tzinfo=UTC)
pytestmark = [pytest.mark.django_db, pytest.mark.both_forms]


def events(count: int) -> None:
    for number in range(1, count + 1):
        audit.record(
            "thing.changed",
            actor=Actor(name="Ada"),
            subject=f"INC-{number}",
            summary=f"change {number}",
            now=NOW + timedelta(seconds=number),
            after={"number": number},
        )


@contextmanager
def as_owner_of_the_database() -> Iterator[None]:
    """Whoever owns the database can lift the triggers: the chain must show what they did."""
    audit_triggers.drop(connection)
    yield
    audit_triggers.create(connection)


def edit() -> None:
    AuditEvent.objects.filter(sequence=3).update(summary="nothing happened")


def edit_value() -> None:
    AuditEvent.objects.filter(sequence=3).update(after={"number": 4})


def cut() -> None:
    AuditEvent.objects.filter(sequence__in=[3, 4]).delete()


def cut_the_tail() -> None:
    AuditEvent.objects.filter(sequence__gte=5).delete()


def cut_the_head() -> None:
    AuditEvent.objects.filter(sequence=1).delete()


def reorder() -> None:
    AuditEvent.objects.filter(sequence=3).update(sequence=100)
    AuditEvent.objects.filter(sequence=4).update(sequence=3)
    AuditEvent.objects.filter(sequence=100).update(sequence=4)


def close_the_gap() -> None:
    AuditEvent.objects.filter(sequence=3).delete()
    for sequence in (4, 5):
        AuditEvent.objects.filter(sequence=sequence).update(sequence=F("sequence") - 1)
    AuditHead.objects.update(sequence=4)


def test_what_was_recorded_verifies() -> None:
    events(5)
    out = StringIO()
    call_command("verify_audit_log", stdout=out)
    assert out.getvalue() == f"5 events, head {AuditHead.objects.get().hash}\n"


@pytest.mark.parametrize(
    ("tampering", "named"),
    [
        (edit, "broken at 3: its content was changed"),
        (edit_value, "broken at 3: its content was changed"),
        (cut, "broken at 3: events 3 to 4 are missing"),
        (cut_the_head, "broken at 1: events 1 to 1 are missing"),
        (cut_the_tail, "broken at 5: the chain ends at 4, its head says 5"),
        (reorder, "broken at 3: does not follow the event before it"),
        (close_the_gap, "broken at 3: does not follow the event before it"),
    ],
)
def test_tampering_is_named(tampering: Callable[[], None], named: str) -> None:
    events(5)
    with as_owner_of_the_database():
        tampering()
    errors = StringIO()
    with pytest.raises(SystemExit) as ending:
        call_command("verify_audit_log", stdout=StringIO(), stderr=errors)
    assert ending.value.code == 1
    assert named in errors.getvalue()


def test_a_tail_cut_together_with_its_head_is_found_by_a_head_kept_elsewhere() -> None:
    events(5)
    kept = AuditHead.objects.get().hash
    call_command("verify_audit_log", head=kept, stdout=StringIO())
    with as_owner_of_the_database():
        AuditEvent.objects.filter(sequence=5).delete()
        last = AuditEvent.objects.get(sequence=4)
        AuditHead.objects.update(sequence=4, hash=last.hash)
    call_command("verify_audit_log", stdout=StringIO())  # the chain alone cannot show it
    errors = StringIO()
    with pytest.raises(SystemExit):
        call_command("verify_audit_log", head=kept, stdout=StringIO(), stderr=errors)
    assert "it was cut, or rewritten" in errors.getvalue()


@pytest.mark.parametrize("change", [edit, cut])
def test_the_database_refuses_changes_of_events(change: Callable[[], None]) -> None:
    events(5)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        change()
    assert list(audit.breaks()) == []


def test_a_rolled_back_change_leaves_no_event_and_no_gap() -> None:
    events(2)
    with transaction.atomic():
        events(1)
        transaction.set_rollback(True)
    events(1)
    assert list(AuditEvent.objects.order_by("sequence").values_list("sequence", flat=True)) == [1, 2, 3]
    assert list(audit.breaks()) == []


@hypothesis_settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    values=st.lists(
        st.dictionaries(
            st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=5),
            st.none()
            | st.booleans()
            | st.integers(-(2**53), 2**53)
            | st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8)
            | st.datetimes(timezones=st.just(UTC)),
            max_size=3,
        ),
        min_size=1,
        max_size=4,
    )
)
def test_whatever_is_recorded_reads_back_to_the_same_hash(values: list[dict[str, object]]) -> None:
    with transaction.atomic():
        for after in values:
            audit.record("x.changed", actor=HINDSIGHT, subject="x", summary="x", now=NOW, after=after)
        assert list(audit.breaks()) == []
        transaction.set_rollback(True)


@pytest.mark.django_db(transaction=True)
def test_many_writers_at_once_make_one_chain() -> None:
    problems: list[BaseException] = []

    def write() -> None:
        try:
            for _ in range(10):
                events(1)
        except BaseException as problem:
            problems.append(problem)
        finally:
            connection.close()

    writers = [threading.Thread(target=write) for _ in range(6)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert problems == []
    assert AuditEvent.objects.count() == 60
    assert list(audit.breaks()) == []
