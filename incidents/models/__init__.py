"""Tables of incidents, postmortems and action items. One file per aggregate."""

from incidents.models.action_item import ActionItem, ActionState, ActionType, StepOrigin
from incidents.models.export import Export, ExportState
from incidents.models.incident import (
    Incident,
    IncidentRole,
    IncidentStatus,
    PostmortemState,
    Severity,
    TimestampOverride,
)
from incidents.models.postmortem import PostmortemSection, SectionRevision
from incidents.models.thinking import ContributingFactor, Evidence, Hypothesis, SilentCheck
from incidents.models.timeline import Attachment, EntryKind, Precision, TimelineEntry

__all__ = [
    "ActionItem",
    "ActionState",
    "ActionType",
    "Attachment",
    "ContributingFactor",
    "EntryKind",
    "Evidence",
    "Export",
    "ExportState",
    "Hypothesis",
    "Incident",
    "IncidentRole",
    "IncidentStatus",
    "PostmortemSection",
    "PostmortemState",
    "Precision",
    "SectionRevision",
    "Severity",
    "SilentCheck",
    "StepOrigin",
    "TimelineEntry",
    "TimestampOverride",
]
