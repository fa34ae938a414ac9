"""Reads the sample incidents: one YAML file each, in the order of their numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field

FOLDER = Path(__file__).parent / "incidents"


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class SampleEntry(Part):
    """`at` and `until` are read by the grammar of written times; `as_written` alone is words that name no time."""

    text: str
    kind: str
    at: str = ""
    until: str = ""
    as_written: str = ""
    environment: str = ""
    star: bool = False


class SampleFactor(Part):
    kind: str
    text: str


class SampleEvidence(Part):
    speaks_for: bool = Field(alias="for")
    text: str


class SampleHypothesis(Part):
    statement: str
    state: str
    evidence: list[SampleEvidence]


class SampleSilentCheck(Part):
    name: str
    state: str
    environment: str = ""
    detail: str = ""
    since: str = ""


class SampleAction(Part):
    """`lesson` names the runbook step that came of it, in `loading.LESSONS`."""

    text: str
    type: str
    state: str
    priority: str = "medium"
    lesson: str = ""


class SampleIncident(Part):
    title: str
    severity: str
    services: list[str]
    status: str
    is_unexplained: bool = False
    year: int | None = None
    summary: str
    sections: dict[str, str]
    entries: list[SampleEntry]
    factors: list[SampleFactor]
    hypotheses: list[SampleHypothesis] = []
    silent_checks: list[SampleSilentCheck] = []
    actions: list[SampleAction]


def read_incidents() -> list[SampleIncident]:
    paths = sorted(FOLDER.glob("*.yaml"))
    documents: list[Any] = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in paths]
    return [SampleIncident.model_validate(document) for document in documents]
