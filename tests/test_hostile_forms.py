"""What nobody should type, into every field of every form: answered with a message, never with a 500."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from django.core.cache import cache
from django.db import transaction
from django.test import Client
from django.urls import resolve, reverse

from tests.access_matrix import Row, all_rows, furnished_world
from tests.hostile_forms import HOSTILE, Form, forms_of
from tests.test_access_matrix import filled, named_routes
from tests.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.both_forms, pytest.mark.timeout(180)]
ROWS = {name: rows for name, rows in all_rows().items() if name in named_routes()}
FORM = "application/x-www-form-urlencoded"
PASTE = "5 MB of it. " * 437_000


def admin_of(world: World) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(world.people["admin"], backend="django.contrib.auth.backends.ModelBackend")
    return client


def pages(world: World, client: Client, name: str) -> Iterator[tuple[str, str]]:
    """(address, HTML) of the route's pages."""
    for row in ROWS[name]:
        if row.method == "GET":
            url = reverse(name, kwargs=filled(row.kwargs, world))
            data = filled(row.data, world)
            address = f"{url}?{urlencode(data)}" if data else url
            response = client.get(address)
            if response.status_code == 200 and "html" in response.get("Content-Type", "") and not response.streaming:
                yield address, response.content.decode()


def forms(world: World, client: Client, name: str) -> list[Form]:
    """The forms of the route's pages, and what its own POST rows send, each address with the same fields once."""
    found = [form for address, page in pages(world, client, name) for form in forms_of(page, address)]
    found += [own for row in ROWS[name] if row.method == "POST" and (own := form_of(name, row, world))]
    unique: dict[Any, Form] = {}
    for form in found:
        match = resolve(urlsplit(form.action).path)
        unique.setdefault((match.view_name, tuple(sorted(form.fields))), form)
    return list(unique.values())


def form_of(name: str, row: Row, world: World) -> Form:
    data = filled(row.data, world)
    texts = {field: [str(value)] for field, value in data.items() if not hasattr(value, "read")}
    return Form(reverse(name, kwargs=filled(row.kwargs, world)), texts)


def status_of(client: Client, form: Form, fields: dict[str, list[str]]) -> int:
    """What the form is answered with; what it changed is rolled back."""
    cache.clear()
    with transaction.atomic():
        response = client.post(form.action, urlencode(fields, doseq=True), content_type=FORM)
        if response.streaming:
            list(response)
        transaction.set_rollback(True)
    return response.status_code


REACHED = (
    "incidents:action_new",
    "incidents:action_edit",
    "incidents:entry_new",
    "teams:service_new",
    "runbooks:plan",
)


@pytest.mark.parametrize("name", REACHED)
def test_the_base_values_of_a_form_are_accepted(name: str) -> None:
    """Else what is tried in one field is never looked at, because another one was refused before."""
    world = furnished_world()
    client = admin_of(world)
    found = {form.action: status_of(client, form, form.fields) for form in forms(world, client, name)}
    own = {action: status for action, status in found.items() if "logout" not in action}
    assert set(own.values()) == {302}, own


@pytest.mark.parametrize("name", sorted(ROWS))
def test_no_field_of_any_form_brings_a_500(name: str) -> None:
    world = furnished_world()
    client = admin_of(world)
    wrong = []
    for form in forms(world, client, name):
        sent = [{}, {field: [PASTE] for field in form.fields}]
        for field in form.fields:
            sent += [{**form.fields, field: [value]} for value in HOSTILE]
            sent.append({**form.fields, field: [*form.fields[field], "twice", "thrice"]})
        for fields in sent:
            status = status_of(client, form, fields)
            if status >= 500:
                wrong.append(f"{form.action}: {status} for {str(fields)[:300]}")
    assert not wrong, "\n".join(wrong)
