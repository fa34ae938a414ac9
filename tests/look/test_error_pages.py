"""Error pages stand without a request, a person or a database, and say what to do."""

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.template.loader import render_to_string
from django.test import override_settings


@pytest.fixture(autouse=True)
def plain_static_files() -> Iterator[None]:
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    with override_settings(STORAGES={**settings.STORAGES, "staticfiles": plain}):
        yield


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("errors/400.html", "Error 400"),
        ("errors/403.html", "Your role in this team does not allow it."),
        ("errors/404.html", "a team you are not a member of"),
        ("errors/500.html", "Nothing was half saved"),
        ("errors/503.html", "The database does not answer."),
        ("403_csrf.html", "The form has expired"),
    ],
)
def test_an_error_page_needs_nothing_and_says_what_to_do(template: str, words: str) -> None:
    page = render_to_string(template)
    assert words in page
    assert "data-error-page" in page  # so that a draft is not taken for saved
    assert 'class="button button--primary"' in page


def test_a_refusal_shows_its_reason_as_text() -> None:
    assert "Only &lt;b&gt;admins&lt;/b&gt;" in render_to_string("errors/403.html", {"reason": "Only <b>admins</b>"})
