"""The outbox against a real mail server, and against none."""

import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from pytest_django import Settings

from notifications import outbox
from notifications.models import Delivery, DeliveryState, Message
from notifications.tasks import deliver_due as deliver_due_task
from teams.models import Team, User
from tests.notifications.mail_server import Mailbox, receiving

NOW = datetime(2026, 3, 14, 9, 0, tzinfo=UTC)
pytestmark = [pytest.mark.django_db, pytest.mark.both_forms]


@pytest.fixture
def team() -> Team:
    return Team.objects.create(name="Platform", slug="platform")


@pytest.fixture
def ada() -> User:
    return User.objects.create_user("ada@example.org", full_name="Ada")


@pytest.fixture
def bob() -> User:
    return User.objects.create_user("bob@example.org", full_name="Bob")


def by_smtp(settings: Settings, port: int) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    settings.PUBLIC_URL = "https://hindsight.example.org"


@pytest.fixture
def mailbox(settings: Settings) -> Iterator[Mailbox]:
    with receiving() as (port, mailbox):
        by_smtp(settings, port)
        yield mailbox


@pytest.fixture
def nobody_listens(settings: Settings) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    by_smtp(settings, port)


def say(team: Team, *people: User, key: str = "gate:MNT-3:go", subject: str = "MNT-3 may go") -> Message | None:
    return outbox.tell(
        team, key=key, subject=subject, body="The before-checks pass.\n", path="/maintenance/MNT-3/", to=people, now=NOW
    )


def test_each_person_gets_the_text_with_a_link_over_one_connection(
    team: Team, ada: User, bob: User, mailbox: Mailbox
) -> None:
    say(team, ada, bob)
    assert outbox.deliver_due(NOW) == 2
    assert sorted(mail["To"] for mail in mailbox.mails) == ["ada@example.org", "bob@example.org"]
    assert mailbox.mails[0]["Subject"] == "MNT-3 may go"
    assert mailbox.mails[0].get_content().splitlines() == [
        "The before-checks pass.",
        "",
        "https://hindsight.example.org/maintenance/MNT-3/",
    ]
    assert mailbox.connections == 1
    assert set(Delivery.objects.values_list("state", "attempts")) == {(DeliveryState.SENT, 1)}


def test_what_was_sent_is_not_sent_again(team: Team, ada: User, mailbox: Mailbox) -> None:
    say(team, ada)
    assert outbox.deliver_due(NOW) == 1
    assert outbox.deliver_due(NOW + timedelta(days=1)) == 0
    assert len(mailbox.mails) == 1


def test_the_same_key_is_told_once(team: Team, ada: User, mailbox: Mailbox) -> None:
    assert say(team, ada) is not None
    assert say(team, ada) is None
    outbox.deliver_due(NOW)
    assert len(mailbox.mails) == 1


def test_a_person_named_twice_gets_one_mail_and_an_inactive_one_none(
    team: Team, ada: User, bob: User, mailbox: Mailbox
) -> None:
    bob.is_active = False
    say(team, ada, ada, bob)
    assert outbox.deliver_due(NOW) == 1


def test_a_line_break_in_a_subject_ends_no_header(team: Team, ada: User, mailbox: Mailbox) -> None:
    say(team, ada, subject="Gate\r\nBcc: eve@example.org")
    assert outbox.deliver_due(NOW) == 1
    assert mailbox.mails[0]["Subject"] == "Gate Bcc: eve@example.org"
    assert mailbox.mails[0]["Bcc"] is None


@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_is_not_told(team: Team, ada: User) -> None:
    with transaction.atomic():
        say(team, ada)
        transaction.set_rollback(True)
    assert not Message.objects.exists()


@pytest.mark.usefixtures("nobody_listens")
def test_without_a_mail_server_it_waits_longer_each_time_and_gives_up_in_the_end(team: Team, ada: User) -> None:
    say(team, ada)
    moment, waits = NOW, []
    for _ in range(5):
        assert outbox.deliver_due(moment) == 0
        delivery = Delivery.objects.get()
        assert delivery.state == DeliveryState.QUEUED
        assert "refused" in delivery.last_error
        waits.append(round((delivery.due_at - moment).total_seconds()))
        assert outbox.deliver_due(delivery.due_at - timedelta(seconds=1)) == 0
        moment = delivery.due_at
    assert waits == [30, 120, 600, 3600, 21600]
    outbox.deliver_due(moment)
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.attempts) == (DeliveryState.FAILED, 6)


def test_it_goes_out_once_the_mail_server_is_back(
    team: Team, ada: User, nobody_listens: None, settings: Settings
) -> None:
    say(team, ada)
    assert outbox.deliver_due(NOW) == 0
    with receiving() as (port, mailbox):
        by_smtp(settings, port)
        assert outbox.deliver_due(NOW + timedelta(seconds=29)) == 0
        assert outbox.deliver_due(NOW + timedelta(seconds=31)) == 1
    assert len(mailbox.mails) == 1
    assert Delivery.objects.get().last_error == ""


def test_an_address_refused_for_good_fails_at_once_and_harms_no_other(
    team: Team, ada: User, bob: User, mailbox: Mailbox
) -> None:
    mailbox.refusals[ada.email] = "550 No such mailbox"
    say(team, ada, bob)
    assert outbox.deliver_due(NOW) == 1
    refused = Delivery.objects.get(recipient=ada)
    assert refused.state == DeliveryState.FAILED
    assert refused.last_error == "The mail server refused the address: 550 No such mailbox"
    assert Delivery.objects.get(recipient=bob).state == DeliveryState.SENT


def test_an_address_refused_for_now_is_tried_again(team: Team, ada: User, mailbox: Mailbox) -> None:
    mailbox.refusals[ada.email] = "451 Greylisted"
    say(team, ada)
    assert outbox.deliver_due(NOW) == 0
    mailbox.refusals.clear()
    assert outbox.deliver_due(NOW + timedelta(minutes=1)) == 1


def test_only_one_of_two_senders_gets_a_delivery(team: Team, ada: User) -> None:
    say(team, ada)
    seen_by_both = [Delivery.objects.get(), Delivery.objects.get()]
    assert [outbox.claim(delivery, NOW) for delivery in seen_by_both] == [True, False]


def test_a_delivery_whose_sender_died_is_sent_after_its_lease(team: Team, ada: User, mailbox: Mailbox) -> None:
    say(team, ada)
    assert outbox.claim(Delivery.objects.get(), NOW)
    assert outbox.deliver_due(NOW + timedelta(seconds=119)) == 0
    assert outbox.deliver_due(NOW + timedelta(seconds=121)) == 1


def test_a_sender_that_comes_late_writes_nothing(team: Team, ada: User, mailbox: Mailbox) -> None:
    say(team, ada)
    late = Delivery.objects.select_related("recipient").get()
    assert outbox.claim(late, NOW)
    later = NOW + timedelta(minutes=3)
    assert outbox.deliver_due(later) == 1
    assert outbox.record_failure(late, TimeoutError("timed out"), later) == 0
    assert outbox.record_sent(late, later) == 0
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.token, delivery.last_error) == (DeliveryState.SENT, 2, "")


def test_the_task_sends_what_is_due(team: Team, ada: User, mailbox: Mailbox) -> None:
    say(team, ada)
    deliver_due_task()
    assert len(mailbox.mails) == 1
