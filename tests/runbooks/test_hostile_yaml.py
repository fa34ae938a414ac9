"""YAML that nobody should write, through every button of the editor: problems with their lines, never a 500."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.access_matrix import furnished_world
from tests.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.both_forms]
CHECK = (
    "title: t\nsteps:\n- {{key: a, phase: before, title: A, checks: [{{name: c, kind: tcp, "
    "parameters: {{host: example.org, port: 80}}, expect: [connected], {}}}]}}\n"
)
TEXTS = [
    "",
    "\t",
    "\ufeff",
    "5",
    "[1, 2]",
    "steps: 5",
    "title: x\nsteps: yes",
    "title: x\nsteps: {a: 1}",
    "title: x\nsteps: text",
    "title: x\nsteps: [5, [1], null]",
    "title: t\n? steps\n:\n",
    "? [a]\n: b",
    "&a [*a]",
    "---\na\n---\nb",
    "[" * 10_000,
    "!!python/object:os.system x",
    'title: "\\ud800"',
    'title: "\\0"',
    "title: " + "9" * 5_000,
    "title: .inf",
    "title: {{ x }}",
    "title: t\nvariables: [{name: a, default: '{{ a }}'}]",
    "title: t\nabort_triggers: [{kind: cutoff, text: x, minutes_before_end: 99999999999999999999}]",
    "title: t\nabort_triggers: [{kind: cutoff, text: x, minutes_before_end: 999999999}]",
    "title: t\nsteps:\n- {key: a, phase: before, title: A, origins: [{label: X, path: //else.example, reason: r}]}",
    CHECK.format("repeat: 10000, max_failures: 99999999999"),
    CHECK.format("fresh_for_minutes: " + "9" * 300),
    CHECK.format("compare_with: nope"),
    "x: " + "[0]," * 1_300_000,
]
BUTTONS = [
    {"action": "save"},
    {"action": "check"},
    {"action": "add_step", "step_title": "S", "step_phase": "before"},
    {
        "action": "add_check",
        "check_name": "n",
        "check_kind": "http",
        "check_expect": "status == 200",
        "check_step": "0",
    },
]


@pytest.fixture
def world() -> World:
    return furnished_world()


@pytest.fixture
def client(world: World) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(world.people["admin"], backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: repr(text[:30]))
def test_a_broken_text_is_answered_with_its_problems(client: Client, text: str) -> None:
    for button in BUTTONS:
        response = client.post("/runbooks/new/", {"text": text, **button})
        assert response.status_code in (200, 422), button
        assert button["action"] != "save" or response.status_code == 422


def test_a_copy_of_a_long_title_is_not_cut_within_a_placeholder(client: Client) -> None:
    title = "x" * 175 + " {{ hostname }} and on"
    text = f"title: '{title}'\nvariables: [{{name: hostname, type: hostname}}]\nsteps: []"
    saved = client.post("/runbooks/new/", {"text": text, "action": "save"})
    assert saved.status_code == 302
    copied = client.post(saved["Location"] + "copy/")
    assert copied.status_code == 302
    assert copied["Location"] != saved["Location"]
