"""Sections with revisions and conflicts; factors, hypotheses, evidence, silent checks, corrected timestamps."""

import pytest
from django.urls import reverse

from incidents import corrections, postmortem, thinking, timeline
from incidents.models import Incident, SectionRevision
from incidents.written_time_parsing import parse_written_time
from teams.models import AuditEvent
from teams.refusals import Refused
from tests.incidents.making import by, declared, signed_in
from tests.world import World


@pytest.fixture
def world(db: None) -> World:
    return World.create()


@pytest.fixture
def incident(world: World) -> Incident:
    return declared(world, is_retrospective=True, year=2024)


def section_url(incident: Incident) -> str:
    return reverse("incidents:section", args=[incident.key, "impact"])


def test_every_save_is_a_revision_with_a_difference(world: World, incident: Incident) -> None:
    client = signed_in(world)
    texts = ["one\ntwo\nthree", "one\nTWO\nthree"]
    for version, body in enumerate(texts, 1):
        assert client.post(section_url(incident), {"body": body, "version": version}).status_code == 302
    assert list(SectionRevision.objects.values_list("version", "body")) == [(3, texts[1]), (2, texts[0])]
    page = client.get(reverse("incidents:revisions", args=[incident.key, "impact"])).content.decode()
    assert '<del class="diff-line">two</del><ins class="diff-line">TWO</ins>' in page
    first = client.get(reverse("incidents:revisions", args=[incident.key, "impact"]), {"revision": "2"})
    assert '<ins class="diff-line">two</ins>' in first.content.decode()


def test_saving_an_unchanged_text_makes_no_revision(world: World, incident: Incident) -> None:
    client = signed_in(world)
    for version in (1, 2):
        client.post(section_url(incident), {"body": "same", "version": version})
    assert SectionRevision.objects.count() == 1


def test_two_who_write_one_section_both_see_both_texts(world: World, incident: Incident) -> None:
    client = signed_in(world)
    client.post(section_url(incident), {"body": "their text", "version": 1})
    answer = client.post(section_url(incident), {"body": "my text", "version": 1})
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "their text" in page
    assert "my text" in page
    assert incident.sections.get(key="impact").body == "their text"
    assert client.post(section_url(incident), {"body": "both texts", "version": 2}).status_code == 302


@pytest.mark.parametrize("version", ["", "x", "-1", "99999999999999999999", "٣"])
def test_a_version_that_is_no_number_loses_nothing(world: World, incident: Incident, version: str) -> None:
    answer = signed_in(world).post(section_url(incident), {"body": "my text", "version": version})
    assert answer.status_code == 409
    assert "my text" in answer.content.decode()


def test_a_five_megabyte_section_is_refused_and_kept(world: World, incident: Incident) -> None:
    answer = signed_in(world).post(section_url(incident), {"body": "z" * 5_000_000, "version": 1})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "“Impact” has 5,000,000 characters; at most 100,000 fit" in page
    assert "z" * 5_000_000 in page
    assert incident.sections.get(key="impact").version == 1


def test_a_published_text_stands_as_it_is(world: World, incident: Incident) -> None:
    Incident.objects.update(postmortem_state="published")
    answer = signed_in(world).post(section_url(incident), {"body": "late thought", "version": 1})
    assert answer.status_code == 422
    assert "late thought" in answer.content.decode()
    assert incident.sections.get(key="impact").body == ""


def test_the_preview_is_sanitised_and_stores_nothing(world: World, incident: Incident) -> None:
    url = reverse("incidents:preview", args=[incident.key])
    body = "**bold** <script>alert(1)</script> ![x](https://evil.example/p.png)"
    page = signed_in(world).post(url, {"body": body}).content.decode()
    assert "<strong>bold</strong>" in page
    assert "<script>" not in page
    assert "<img" not in page or "evil" not in page.split("<img")[1].split(">")[0]
    assert not SectionRevision.objects.exists()


def test_what_is_missing_is_listed(world: World, incident: Incident) -> None:
    page = signed_in(world, "viewer").get(f"/incidents/{incident.key}/postmortem/").content.decode()
    for words in ("Section “Impact” is empty.", "No contributing factor is recorded.", "The severity is unknown."):
        assert words in page
    assert "Section “Background” is empty." not in page


def test_a_difference_folds_what_is_the_same() -> None:
    old = "\n".join(str(number) for number in range(40))
    lines = postmortem.difference(old, old.replace("20", "twenty"))
    assert [line.text for line in lines if line.kind == "skipped"] == ["17 lines the same", "16 lines the same"]
    assert [(line.kind, line.text) for line in lines if line.kind in ("added", "removed")] == [
        ("removed", "20"),
        ("added", "twenty"),
    ]


def test_factors_and_hypotheses_with_evidence_on_the_page(world: World, incident: Incident) -> None:
    entry = timeline.add_line(incident, "the disk was full", **by(world)).entry
    client = signed_in(world)
    client.post(reverse("incidents:factor_add", args=[incident.key]), {"text": "One disk", "kind": "necessary"})
    client.post(reverse("incidents:hypothesis_add", args=[incident.key]), {"statement": "A leak"})
    hypothesis = incident.hypotheses.get()
    url = reverse("incidents:evidence_add", args=[incident.key, hypothesis.pk])
    assert client.post(url, {"text": "df", "speaks": "against", "entry": entry.pk}).status_code == 302
    page = client.get(f"/incidents/{incident.key}/analysis/").content.decode()
    assert "One disk" in page
    assert f"/incidents/{incident.key}/#entry-{entry.pk}" in page
    refused = client.post(url, {"text": "seen by nobody", "speaks": "for", "run": "77"})
    assert refused.status_code == 422
    assert "There is no check run 77" in refused.content.decode()
    assert "seen by nobody" in refused.content.decode()


def test_evidence_does_not_point_into_another_incident(world: World, incident: Incident) -> None:
    other = declared(world)
    entry = timeline.add_line(other, "elsewhere", **by(world)).entry
    hypothesis = thinking.add_hypothesis(incident, "A leak", **by(world))
    with pytest.raises(Refused, match="belongs to this incident"):
        thinking.add_evidence(hypothesis, speaks_for=True, text="x", entry=entry, **by(world))


def test_a_silent_check_is_shown_and_can_become_an_action(world: World, incident: Incident) -> None:
    form = {
        "name": "Public names & more",
        "state": "muted",
        "environment": world.environments[1].pk,
        "since": "14 March 01:00",
        "until": "nonsense",
    }
    client = signed_in(world)
    url = reverse("incidents:silence_add", args=[incident.key])
    refused = client.post(url, form)
    assert refused.status_code == 422
    assert "“nonsense” is not a time" in refused.content.decode()
    assert client.post(url, {**form, "until": "14 March 05:00"}).status_code == 302
    page = client.get(f"/incidents/{incident.key}/analysis/").content.decode()
    assert "?type=detect&amp;text=Public%20names%20%26%20more" in page


def test_a_corrected_timestamp_needs_a_reason_and_shows_it(world: World, incident: Incident) -> None:
    timeline.add_entry(
        incident, text="down", kind="impact_started", start=parse_written_time("14 March 01:06"), **by(world)
    )
    timeline.add_entry(incident, text="up", kind="resolved", start=parse_written_time("14 March 06:26"), **by(world))
    client = signed_in(world)
    url = reverse("incidents:corrections", args=[incident.key])
    assert client.post(url, {"field": "resolved", "when": "14 March 06:36"}).status_code == 422
    assert client.post(url, {"field": "detectable", "when": "14 March 06:36", "reason": "r"}).status_code == 422
    form = {"field": "resolved", "when": "14 March 06:36", "reason": "Caches held it for ten minutes"}
    assert client.post(url, form).status_code == 302
    page = client.get(f"/incidents/{incident.key}/").content.decode()
    assert "5 h 30 min" in page
    assert "Caches held it for ten minutes" in page
    client.post(reverse("incidents:correction_withdraw", args=[incident.key, incident.overrides.get().pk]))
    assert "5 h 20 min" in client.get(f"/incidents/{incident.key}/").content.decode()
    assert AuditEvent.objects.filter(action="timestamp.withdrawn").count() == 1


def test_one_correction_for_each_timestamp_and_environment(world: World, incident: Incident) -> None:
    for number, environment in enumerate([world.environments[0], world.environments[1], world.environments[1]]):
        when = parse_written_time(f"{number + 1} March 2024")
        corrections.override(incident, "detectable", when, "why", environment=environment, **by(world))
    assert incident.overrides.count() == 2
