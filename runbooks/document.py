"""What a runbook says: the typed content of a `RunbookVersion`, the same shape as its YAML file.

A version's content never changes; editing makes a new version. Text and parameters may hold ``{{ name }}`` for a
variable; a parameter that is nothing but ``{{ name }}`` becomes the variable's value, lists included.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Phase = Literal["before", "during", "after"]
PHASES: tuple[Phase, ...] = ("before", "during", "after")
VariableType = Literal[
    "text",
    "number",
    "address",
    "addresses",
    "endpoint",
    "endpoints",
    "hostname",
    "hostnames",
    "url",
    "urls",
    "environments",
]
LIST_TYPES = frozenset({"addresses", "endpoints", "hostnames", "urls", "environments"})

# T-48h, T+0, T+7d: hours, days or minutes from the window's start.
OFFSET = re.compile(r"^T([+-])(\d{1,4})(m|h|d)?$")
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
StepKey = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,59}$")]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Prose = Annotated[str, StringConstraints(max_length=20_000)]
Expression = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Origin(Part):
    """Why a step is there: handed down by whoever added it, such as an action item of an incident."""

    label: Title
    """Such as INC-1."""
    path: Annotated[str, StringConstraints(pattern=r"^/([^/\s\\][^\s]*)?$", max_length=200)]
    """The page that tells, from the root of the site."""
    reason: Title


class Variable(Part):
    name: Name
    type: VariableType = "text"
    required: bool = True
    default: str | list[str] | None = None
    help: Prose = ""


class Check(Part):
    """A check of a step, with variables not yet filled in."""

    name: Title
    kind: Name
    parameters: dict[str, Any] = Field(default_factory=dict)
    expect: list[Expression] = Field(default_factory=list, max_length=20)
    expect_run: list[Expression] = Field(default_factory=list, max_length=20)
    repeat: int = Field(default=1, ge=1, le=10_000)
    max_failures: int = Field(default=0, ge=0, lt=10_000)
    concurrency: int = Field(default=1, ge=1, le=1_000)
    pause_ms: int = Field(default=0, ge=0, le=60_000)
    hold_open: bool = False
    locations: list[Name] = Field(default_factory=lambda: ["default"], min_length=1, max_length=20)
    baseline: bool = False
    """Keep the passing observation; checks that `compare_with` this one see it as `before`."""
    compare_with: str | None = None
    """Name of a baseline check of the same runbook (and the same for_each member)."""
    fresh_for_minutes: int = Field(default=60, ge=1, le=60 * 24 * 7)
    """How old a passing result may be to open a gate."""
    for_each: Name | None = None
    """Name of a list variable: one check per member, which the check sees as ``{{ each }}``."""


class Step(Part):
    key: StepKey
    """Stays the same through versions, so that lessons and statistics can point at it."""
    phase: Phase
    title: Title
    instructions: Prose = ""
    role: Annotated[str, StringConstraints(max_length=80)] = ""
    expected_minutes: int | None = Field(default=None, ge=1, le=60 * 24 * 30)
    gate: bool = False
    """A gate step's checks must have passed within their freshness limit before the go (or the close)."""
    sign_offs: int = Field(default=0, ge=0, le=2)
    """How many people besides the one who ticks; never the same person."""
    rollback: Prose = ""
    point_of_no_return: bool = False
    at: Annotated[str, StringConstraints(pattern=OFFSET.pattern)] | None = None
    """When it is due, counted from the window's start: T-48h, T+0, T+7d."""
    for_each: Name | None = None
    origins: list[Origin] = Field(default_factory=list, max_length=20)
    checks: list[Check] = Field(default_factory=list, max_length=50)


class AbortTrigger(Part):
    kind: Literal["cutoff", "check", "person"]
    text: Title
    minutes_before_end: int | None = Field(default=None, ge=0, le=60 * 24 * 366)
    """For a cutoff: not done by so many minutes before the window's end."""
    check: str | None = None
    """For a check: the name of the check whose failure fires the trigger."""


class RunbookDocument(Part):
    title: Title
    summary: Prose = ""
    variables: list[Variable] = Field(default_factory=list, max_length=50)
    steps: list[Step] = Field(default_factory=list, max_length=500)
    abort_triggers: list[AbortTrigger] = Field(default_factory=list, max_length=20)
    needs_environment_below: bool = False
    """The go needs a completed maintenance of this runbook in the environment below."""
