"""Who may do what on the pages of incidents."""

from typing import Any

from incidents import actions, attachments, corrections, declaring, people, thinking, timeline
from incidents.models import Export
from incidents.written_times import WrittenTime
from runbooks import editing
from runbooks.document import RunbookDocument
from teams.roles import Role
from tests.access_matrix import Row, from_role, signed_in
from tests.incidents.making import text_file
from tests.world import World

READ = from_role(Role.VIEWER)
WRITE_PAGE = from_role(Role.RESPONDER)
WRITE = from_role(Role.RESPONDER, success=302)
MAINTAIN_PAGE = from_role(Role.MAINTAINER)


def furnish(world: World) -> None:
    by: Any = {"actor": world.actor(), "now": world.now}
    incident = declaring.declare(world.team, title="Edge proxy answers 502", time_zone="UTC", **by)
    entry = timeline.add_entry(incident, text="First 502", kind="symptom", **by)
    file = attachments.attach(incident, text_file(b"log line"), "log.txt", **by)
    hypothesis = thinking.add_hypothesis(incident, "A full disk", **by)
    factor = thinking.add_factor(incident, "The disk was small", **by)
    action = actions.add_action(incident, "Watch the disk", owner=world.people["responder"], **by)
    role = people.assign(incident, world.people["responder"], "scribe", **by)
    override = corrections.override(
        incident, "detected", WrittenTime.from_parts(2026, 3, 14, (8, 0, None), "UTC"), "The log lies", **by
    )
    document = RunbookDocument.model_validate({"title": "Renew the disk"})
    runbook = editing.create_runbook(world.team, document, **by)
    world.made.update(
        incident=incident,
        incident_entry=entry,
        incident_file=file,
        hypothesis=hypothesis,
        factor=factor,
        action=action,
        incident_role=role,
        override=override,
        lesson_runbook=runbook,
        export=Export.objects.create(incident=incident, requested_at=world.now),
    )


def key(world: World) -> dict[str, Any]:
    return {"key": world.made["incident"].key}


def with_row(name: str, argument: str = "row_id", attribute: str = "pk") -> Any:
    return lambda world: {**key(world), argument: getattr(world.made[name], attribute)}


def part(world: World) -> dict[str, Any]:
    return {**key(world), "kind": "entry", "row_id": world.made["incident_entry"].pk}


ENTRY = with_row("incident_entry", "entry_id")
ACTION = with_row("action", "number", "number")


def section(world: World) -> dict[str, Any]:
    return {**key(world), "section_key": "impact"}


ROWS: dict[str, Row | list[Row]] = {
    "incidents:list": Row(signed_in()),
    # Who is in another team declares there; nothing of this team is asked for.
    "incidents:declare": Row(from_role(Role.RESPONDER, outsider=200)),
    "incidents:incident": Row(READ, kwargs=key),
    "incidents:live": [
        Row(READ, kwargs=lambda world: {**key(world), "part": "head"}),
        Row(READ, kwargs=lambda world: {**key(world), "part": "timeline"}),
        Row(READ, kwargs=lambda world: {**key(world), "part": "side"}),
    ],
    "incidents:edit": Row(WRITE_PAGE, kwargs=key),
    "incidents:status": Row(WRITE, method="POST", kwargs=key, data={"status": "identified"}),
    "incidents:entry_add": Row(WRITE, method="POST", kwargs=key, data={"kind": "note", "text": "08:10 restarted"}),
    "incidents:entry_new": Row(WRITE_PAGE, kwargs=key),
    "incidents:entry_edit": Row(WRITE_PAGE, kwargs=ENTRY),
    "incidents:entry_star": Row(WRITE, method="POST", kwargs=ENTRY, data={"starred": "yes"}),
    "incidents:role_assign": Row(
        WRITE,
        method="POST",
        kwargs=key,
        data=lambda world: {"role": "commander", "user": world.people["responder"].pk},
    ),
    "incidents:role_end": Row(WRITE, method="POST", kwargs=with_row("incident_role", "role_id")),
    "incidents:remove": Row(WRITE, method="POST", kwargs=part),
    "incidents:restore": Row(WRITE, method="POST", kwargs=part),
    "incidents:attachment_add": Row(
        WRITE, method="POST", kwargs=key, data=lambda world: {"file": text_file(b"another line")}
    ),
    "incidents:attachment": Row(READ, kwargs=with_row("incident_file", "attachment_id")),
    "incidents:corrections": Row(WRITE_PAGE, kwargs=key),
    "incidents:correction_withdraw": Row(WRITE, method="POST", kwargs=with_row("override")),
    "incidents:analysis": Row(READ, kwargs=key),
    "incidents:factor_add": Row(WRITE, method="POST", kwargs=key, data={"text": "One disk", "kind": "necessary"}),
    "incidents:factor_edit": Row(WRITE_PAGE, kwargs=with_row("factor")),
    "incidents:hypothesis_add": Row(WRITE, method="POST", kwargs=key, data={"statement": "A leak"}),
    "incidents:hypothesis_edit": Row(WRITE_PAGE, kwargs=with_row("hypothesis")),
    "incidents:evidence_add": Row(
        WRITE, method="POST", kwargs=with_row("hypothesis"), data={"text": "df says 100 %", "speaks": "for"}
    ),
    "incidents:silence_add": Row(WRITE, method="POST", kwargs=key, data={"name": "Disk space", "state": "absent"}),
    "incidents:postmortem": Row(READ, kwargs=key),
    "incidents:postmortem_state": Row(WRITE, method="POST", kwargs=key, data={"state": "in_review"}),
    "incidents:preview": Row(WRITE_PAGE, method="POST", kwargs=key, data={"body": "*text*"}),
    "incidents:section": Row(WRITE_PAGE, kwargs=section),
    "incidents:revisions": Row(READ, kwargs=section),
    "incidents:export_create": Row(from_role(Role.VIEWER, success=302), method="POST", kwargs=key),
    "incidents:export": Row(READ, kwargs=with_row("export", "export_id")),
    # Nothing is made yet: members are told so, in the same words as outsiders.
    "incidents:export_file": Row(from_role(Role.VIEWER, success=404), kwargs=with_row("export", "export_id")),
    "incidents:actions": Row(READ, kwargs=key),
    "incidents:action_new": Row(WRITE_PAGE, kwargs=key),
    "incidents:action_edit": Row(WRITE_PAGE, kwargs=ACTION),
    "incidents:action_state": [
        Row(WRITE_PAGE, kwargs=ACTION),
        Row(WRITE, method="POST", kwargs=ACTION, data={"state": "done"}),
    ],
    "incidents:action_confirm": Row(WRITE, method="POST", kwargs=ACTION),
    "incidents:action_step": [
        Row(MAINTAIN_PAGE, kwargs=ACTION),
        Row(
            from_role(Role.MAINTAINER, success=302),
            method="POST",
            kwargs=ACTION,
            data=lambda world: {
                "runbook": world.made["lesson_runbook"].pk,
                "phase": "after",
                "title": "Look at the disk",
                "kind": "http",
            },
        ),
    ],
    "incidents:history": Row(READ, kwargs=key),
    "incidents:redact": [
        Row(MAINTAIN_PAGE, kwargs=key),
        Row(
            from_role(Role.MAINTAINER, success=302),
            method="POST",
            kwargs=key,
            data={"secret": "hunter2hunter2", "confirmed": "yes"},
        ),
    ],
    "incidents:action_board": Row(signed_in()),
}
