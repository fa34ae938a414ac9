"""Whatever people write, the document and the picture made from it hold no markup of theirs."""

from html.parser import HTMLParser

import pytest
from django.urls import reverse

from incidents import actions, thinking, timeline
from incidents.exporting.document import postmortem_document
from incidents.models import Incident
from incidents.postmortem import save_section
from tests.incidents.making import NOW, by, declared, signed_in
from tests.world import World

NASTY = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "<svg/onload=alert(1)>",
    "[x](javascript:alert(1))",
    "</title></desc><script>alert(1)</script>",
    "<style>@import url(http://127.0.0.1/x)</style>",
    "![x](file:///etc/passwd)",
    '<a href="javascript:alert(1)" style="position:fixed">x</a>',
]


LINKS = ("src", "href", "action", "formaction", "xlink:href")


class Markup(HTMLParser):
    """What a browser would act on."""

    def __init__(self) -> None:
        super().__init__()
        self.dangers: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        own_script = tag == "script" and (values.get("src") or "").startswith("/static/")
        if tag in ("script", "style", "iframe", "object", "embed") and not own_script:
            self.dangers.append(tag)
        for name, value in attrs:
            leads_away = (value or "").lower().startswith(("javascript:", "data:text", "file:", "//", "http://127"))
            if name.startswith("on") or name == "style" or (name in LINKS and leads_away):
                self.dangers.append(f"{tag} {name}={value}")


def dangers_in(html: str) -> list[str]:
    markup = Markup()
    markup.feed(html)
    return markup.dangers


@pytest.fixture
def world(db: None) -> World:
    return World.create()


@pytest.fixture
def incident(world: World) -> Incident:
    """Every free text of an incident holds something nasty."""
    made = declared(world, title=NASTY[1], summary="\n\n".join(NASTY))
    for nasty in NASTY:
        timeline.add_line(made, f"07:05 {nasty}", **by(world), kind="impact_started")
        thinking.add_factor(made, nasty, **by(world))
        thinking.add_hypothesis(made, nasty, **by(world))
        actions.add_action(made, nasty, **by(world))
        thinking.add_silent_check(made, name=nasty, state="absent", detail=nasty, **by(world))
    for section in made.sections.all():
        section.incident = made
        save_section(section, section.version, "\n\n".join(NASTY), **by(world))
    return made


def test_the_detector_sees_what_it_should() -> None:
    assert dangers_in("<p onclick=x>") == ["p onclick=x"]
    assert dangers_in(NASTY[0]) == ["script"]
    assert dangers_in(NASTY[7]) == ["a href=javascript:alert(1)", "a style=position:fixed"]


def test_the_document_of_the_pdf_is_inert(incident: Incident) -> None:
    html, assets = postmortem_document(incident, paper="A4", now=NOW)
    assert dangers_in(html) == []
    assert set(assets) == {"postmortem.css"}
    assert "alert(1)" in html, "shown as the text it is"


@pytest.mark.parametrize("page", ["incident", "analysis", "postmortem", "actions", "history"])
def test_the_pages_are_inert(world: World, incident: Incident, page: str) -> None:
    answer = signed_in(world).get(reverse(f"incidents:{page}", args=[incident.key]))
    assert answer.status_code == 200
    assert dangers_in(answer.content.decode()) == []
