"""`manage.py load_sample_data`: five incidents, three runbooks, one planned maintenance, and no verdict."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.apps import apps
from django.contrib.auth import authenticate
from django.core.management import call_command

from incidents.models import ActionItem, Incident, StepOrigin
from replays.sample_data.people import sign_in_file
from runbooks.models import CheckDefinition, CheckRun, CheckTransition, Maintenance, MaintenanceStatus, Runbook
from teams import audit
from teams.models import AuditEvent, User

pytestmark = [pytest.mark.both_forms, pytest.mark.django_db]

TITLE_WORDS_IN_ORDER = ["WebSockets failed after a server move", "Public host names answered 400"]
TITLE_WORDS_IN_ORDER += ["answer to somebody else", "upgrades failed now and then", "default server"]


@pytest.fixture
def loaded(settings, tmp_path: Path) -> Path:
    """The sample data, loaded by the command; the file with the sign-in."""
    settings.STATE_DIR = tmp_path
    call_command("load_sample_data")
    return sign_in_file()


def rows_of_every_table() -> dict[str, int]:
    return {model._meta.label: model._default_manager.count() for model in apps.get_models()}


def test_the_five_incidents_are_there_in_the_order_of_their_numbers(loaded):
    incidents = list(Incident.objects.order_by("number"))
    assert [incident.key for incident in incidents] == ["INC-1", "INC-2", "INC-3", "INC-4", "INC-5"]
    for incident, words in zip(incidents, TITLE_WORDS_IN_ORDER, strict=True):
        assert words in incident.title
        assert incident.entries.exists()
        assert incident.factors.exists()
        assert incident.actions.exists()
        assert incident.sections.exclude(body="").exists()


def test_a_second_run_changes_nothing(loaded):
    before, password = rows_of_every_table(), loaded.read_text()
    newest = AuditEvent.objects.latest("pk").hash
    call_command("load_sample_data")
    assert rows_of_every_table() == before
    assert loaded.read_text() == password
    assert AuditEvent.objects.latest("pk").hash == newest


def test_no_verdict_is_stored(loaded):
    assert CheckDefinition.objects.exists()
    assert not CheckRun.objects.exists()
    assert not CheckTransition.objects.exists()
    assert not ActionItem.objects.filter(state__in=["verified", "regressed"]).exists()
    assert not ActionItem.objects.exclude(failing_run=None, passing_run=None, regressing_run=None).exists()


def test_three_runbooks_stand_behind_lessons_and_one_maintenance_is_planned(loaded):
    slugs = sorted(Runbook.objects.values_list("slug", flat=True))
    assert slugs == ["move-host-or-change-address", "patch-and-reboot", "reverse-proxy-change"]
    for runbook in Runbook.objects.select_related("current"):
        assert runbook.current is not None
        phases = {step.phase for step in runbook.current.document.steps}
        assert phases == {"before", "during", "after"}
        named = {origin.label for step in runbook.current.document.steps for origin in step.origins}
        lessons = StepOrigin.objects.filter(runbook=runbook).select_related("action_item__incident")
        assert lessons
        assert {origin.action_item.incident.key for origin in lessons} <= named
    maintenance = Maintenance.objects.get()
    assert (maintenance.key, maintenance.status) == ("MNT-1", MaintenanceStatus.SCHEDULED)
    assert maintenance.starts_at > datetime.now(UTC)
    assert {step.phase for step in maintenance.steps.all()} == {"before", "during", "after"}
    by_name = maintenance.steps.get(step_key="websockets-by-name")
    assert [origin["label"] for origin in by_name.origins] == ["INC-1"]


def test_only_the_installation_s_owner_can_read_the_sign_in_and_it_works(loaded):
    assert stat.S_IMODE(loaded.stat().st_mode) == 0o600
    account = json.loads(loaded.read_text())
    user = authenticate(email=account["email"], password=account["password"])
    assert isinstance(user, User)
    assert user.memberships.get().role == "admin"
    others = User.objects.exclude(pk=user.pk)
    assert others
    assert not any(other.has_usable_password() for other in others)


def test_the_audit_log_of_the_loading_is_an_unbroken_chain(loaded):
    assert list(audit.breaks()) == []
