"""Attached files are known by content; a pasted secret can be taken out of everything."""

from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.test import override_settings
from django.urls import reverse

from incidents import actions, attachments, declaring, lessons, postmortem, redaction, thinking, timeline
from incidents.models import Attachment, Export, Incident, SectionRevision, TimelineEntry
from notifications.outbox import tell
from runbooks.models import RunbookVersion
from teams import audit
from teams.models import AuditEvent
from teams.refusals import Refused
from tests.incidents.making import NOW, PNG, as_file, by, declared, signed_in, text_file
from tests.runbooks.maintenance_world import make_runbook
from tests.world import World

SECRET = "tok_9f8e7d6c5b4a"


@pytest.fixture
def world(db: None) -> World:
    return World.create()


@pytest.fixture
def incident(world: World) -> Incident:
    return declared(world)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0rest", "image/jpeg"),
        (b"GIF89arest", "image/gif"),
        (b"RIFF\x00\x00\x00\x00WEBPrest", "image/webp"),
        (b"%PDF-1.7 rest", "application/pdf"),
        (b"PK\x03\x04rest", "application/zip"),
        (b'{"a": 1}', "application/json"),
        (b"{not json", "text/plain"),
        ("größer\n".encode(), "text/plain"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "text/plain"),
        (b"\x7fELF\x02\x01\x01\x00", None),
        (b"\x00\x01\x02", None),
        (b"\xff\xfe\xfd", None),
    ],
)
def test_a_file_is_what_its_bytes_say(content: bytes, found: str | None) -> None:
    assert attachments.content_type_of(content) == found


def test_a_pasted_picture_comes_back_as_markdown_and_is_shown_where_nothing_runs(
    world: World, incident: Incident
) -> None:
    client = signed_in(world)
    url = reverse("incidents:attachment_add", args=[incident.key])
    answer = client.post(url, {"file": text_file(PNG, "../shot [1].png")}, headers={"Accept": "application/json"})
    attachment = Attachment.objects.get()
    path = f"/incidents/{incident.key}/attachments/{attachment.pk}/"
    assert answer.json() == {"markdown": f"![shot _1_.png]({path})"}
    shown = client.get(path)
    assert b"".join(shown) == PNG
    assert shown["Content-Type"] == "image/png"
    assert shown["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in shown["Content-Security-Policy"]
    assert "default-src 'none'" in shown["Content-Security-Policy"]
    assert shown["Content-Disposition"].startswith("inline")


def test_everything_but_pictures_is_a_download(world: World, incident: Incident) -> None:
    html = b"<html><script>alert(document.cookie)</script></html>"
    attachment = attachments.attach(incident, as_file(html), "page.html", **by(world))
    shown = signed_in(world).get(reverse("incidents:attachment", args=[incident.key, attachment.pk]))
    assert b"".join(shown) == html
    assert shown["Content-Type"] == "text/plain"
    assert shown["Content-Disposition"].startswith("attachment")
    assert Path(attachment.file.name or "").suffix == ".txt"


@pytest.mark.parametrize(
    ("content", "says"), [(b"", "is empty"), (b"\x7fELF\x02", "none of the kinds"), (b"x" * 2000, "larger than")]
)
def test_a_refused_file_is_named_and_not_kept(world: World, incident: Incident, content: bytes, says: str) -> None:
    url = reverse("incidents:attachment_add", args=[incident.key])
    with override_settings(ATTACHMENT_MAX_BYTES=1000):
        answer = signed_in(world).post(
            url, {"file": text_file(content, "run.bin")}, headers={"Accept": "application/json"}
        )
    assert answer.status_code == 422
    assert says in answer.json()["error"]
    assert not Attachment.objects.exists()


def test_the_same_file_twice_is_one_attachment(world: World, incident: Incident) -> None:
    for _ in range(2):
        attachments.attach(incident, as_file(PNG), "a.png", **by(world))
    assert Attachment.objects.count() == 1


def test_the_number_of_files_is_limited(world: World, incident: Incident, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attachments, "MOST_ATTACHMENTS", 1)
    attachments.attach(incident, as_file(b"one"), "1.txt", **by(world))
    with pytest.raises(Refused, match="1 attachments already"):
        attachments.attach(incident, as_file(b"two"), "2.txt", **by(world))


def leak_everywhere(world: World, incident: Incident) -> None:
    """Put the secret into every field that people or Hindsight write."""
    leak = f"key={SECRET}."
    maintainer = by(world, "maintainer")
    declaring.edit_head(
        incident,
        1,
        title=f"Down {SECRET}",
        summary=leak,
        severity="sev1",
        services=[],
        time_zone="UTC",
        year=None,
        is_retrospective=False,
        **maintainer,
    )
    timeline.add_entry(incident, text=leak, source="import", source_detail=leak, **maintainer)
    section = incident.sections.get(key="impact")
    postmortem.save_section(section, 1, leak, **maintainer)
    postmortem.save_section(section, 2, "clean", **maintainer)
    thinking.add_factor(incident, leak, **maintainer)
    hypothesis = thinking.add_hypothesis(incident, leak, **maintainer)
    thinking.add_evidence(hypothesis, speaks_for=True, text=leak, **maintainer)
    thinking.add_silent_check(incident, name=leak, state="absent", detail=leak, **maintainer)
    action = actions.add_action(incident, leak, ticket_url=f"https://t.example/?{SECRET}", **maintainer)
    check = {
        "name": "answers",
        "kind": "http",
        "parameters": {"url": f"http://chat.example.com/?k={SECRET}"},
        "expect": ["status == 200"],
    }
    lessons.become_step(action, make_runbook(world), "after", "Look", leak, check, **maintainer)
    attachments.attach(incident, as_file(leak.encode()), f"{SECRET}.txt", **maintainer)
    attachments.attach(incident, as_file(PNG), f"{SECRET}.png", **maintainer)
    tell(world.team, key="k", subject=leak, body=leak, path="/", to=[], now=NOW)
    export = Export(incident=incident, requested_at=NOW, state="done")
    export.file.save("postmortem.pdf", ContentFile(b"%PDF " + leak.encode()))


def dump_of_the_database() -> str:
    from django.apps import apps  # noqa: PLC0415  the registry is only ready in a test

    return "\n".join(
        f"{model._meta.label} {row}" for model in apps.get_models() for row in model._default_manager.values()
    )


def test_a_redacted_secret_stands_nowhere_any_more(
    world: World, incident: Incident, django_capture_on_commit_callbacks: object
) -> None:
    leak_everywhere(world, incident)
    files = [Path(row.file.path) for row in Attachment.objects.all()] + [
        Path(row.file.path) for row in Export.objects.all()
    ]
    untouched = declared(world, title="Another")
    timeline.add_entry(untouched, text="clean", **by(world))
    page = signed_in(world, "maintainer").post(reverse("incidents:redact", args=[incident.key]), {"secret": SECRET})
    assert page.status_code == 200
    for words in (
        "Head",
        "Timeline entries",
        "Revisions of sections",
        "Messages",
        "Runbook versions",
        "Attached files",
    ):
        assert words in page.content.decode()
    assert SECRET in dump_of_the_database()  # a look changes nothing
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        answer = signed_in(world, "maintainer").post(
            reverse("incidents:redact", args=[incident.key]), {"secret": SECRET, "confirmed": "yes"}
        )
    assert answer.status_code == 302
    assert SECRET not in dump_of_the_database()
    assert [path.exists() for path in files] == [False, True, False]
    entry = TimelineEntry.objects.get(incident=incident)
    assert (entry.text, entry.version) == ("key=[redacted].", 2)
    assert SectionRevision.objects.filter(body="key=[redacted].").exists()
    assert RunbookVersion.objects.get(number=2).document.steps[-1].instructions == "key=[redacted]."
    event = AuditEvent.objects.get(action="incident.redacted")
    assert event.summary.startswith("A secret was redacted in ")
    assert list(audit.breaks()) == []


def test_whoever_has_the_old_text_open_cannot_save_the_secret_back(world: World, incident: Incident) -> None:
    section = incident.sections.get(key="impact")
    postmortem.save_section(section, 1, f"key {SECRET}", **by(world))
    redaction.redact(incident, SECRET, **by(world, "maintainer"))
    url = reverse("incidents:section", args=[incident.key, "impact"])
    answer = signed_in(world).post(url, {"body": f"key {SECRET} and more", "version": 2})
    assert answer.status_code == 409
    section.refresh_from_db()
    assert section.body == "key [redacted]"


@pytest.mark.parametrize("secret", ["", "   ", "abc", "[redacted]", "redacted"])
def test_what_is_no_secret_is_refused(world: World, incident: Incident, secret: str) -> None:
    with pytest.raises(Refused):
        redaction.redact(incident, secret, **by(world, "maintainer"))


def test_case_matters(world: World, incident: Incident) -> None:
    timeline.add_entry(incident, text="KEYKEYKEY and keykeykey", **by(world))
    redaction.redact(incident, "keykeykey", **by(world, "maintainer"))
    assert TimelineEntry.objects.get().text == "KEYKEYKEY and [redacted]"


def test_a_responder_may_not_redact(world: World, incident: Incident) -> None:
    with pytest.raises(Refused, match="maintainer"):
        redaction.redact(incident, SECRET, **by(world, "responder"))


PRIVATE_KEY = "-----BEGIN PRIVATE KEY-----\nMIIBVAIBADANBgkqhkiG\n9w0BAQEFAASCAT4wggE6\n-----END PRIVATE KEY-----"


def test_a_secret_of_several_lines_is_redacted_from_texts_and_files(world: World, incident: Incident) -> None:
    """A browser sends the lines of a field with CR LF, whatever was pasted."""
    timeline.add_entry(incident, text=f"found this:\n{PRIVATE_KEY}\nin the log", **by(world))
    windows = as_file(PRIVATE_KEY.replace("\n", "\r\n").encode())
    attachments.attach(incident, windows, "key.txt", **by(world))
    client, url = signed_in(world, "maintainer"), reverse("incidents:redact", args=[incident.key])
    typed = {"secret": PRIVATE_KEY.replace("\n", "\r\n") + "\r\n"}
    page = client.post(url, typed).content.decode()
    assert '<textarea class="input-mono" id="secret"' in page
    assert "9w0BAQEFAASCAT4wggE6\r\n-----END" in page or "9w0BAQEFAASCAT4wggE6\n-----END" in page
    assert client.post(url, {**typed, "confirmed": "yes"}).status_code == 302
    assert TimelineEntry.objects.get(text__startswith="found").text == "found this:\n[redacted]\nin the log"
    assert not Attachment.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_file_that_cannot_be_deleted_is_logged_and_the_others_go(caplog: pytest.LogCaptureFixture) -> None:
    world = World.create()
    incident = declared(world)
    stuck = attachments.attach(incident, as_file(SECRET.encode()), "stuck.txt", **by(world))
    free = attachments.attach(incident, as_file(f"and {SECRET}".encode()), "free.txt", **by(world))
    path = Path(stuck.file.path)
    path.unlink()
    path.mkdir()  # a folder with something in it: no way to delete it
    (path / "inside").touch()
    # The search for the secret cannot read it either: the row is one that was found before.
    Export.objects.create(incident=incident, paper="a4", requested_at=NOW, file=str(stuck.file.name))
    stuck.delete()
    answer = signed_in(world, "maintainer").post(
        reverse("incidents:redact", args=[incident.key]), {"secret": SECRET, "confirmed": "yes"}
    )
    assert answer.status_code == 302
    assert not Path(free.file.path).exists()
    assert not Export.objects.exists()
    assert str(stuck.file.name) in caplog.text
    assert SECRET not in caplog.text
