"""What a check kind is: parameters in, facts out. Adding one: a file in `kinds/`, a line in `registry.py`, a test."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from checks.dialling import ProbeContext
from checks.observations import Observation
from checks.parameters import CommonParameters


@dataclass(frozen=True, slots=True)
class ObservedField:
    """One documented field. `type` is text, number, true/false, list, map or any; `unit` is "" where there is none."""

    name: str
    type: str
    help: str
    unit: str = ""


class Member(NamedTuple):
    """One of the targets that an *each* parameter fans out to, with the parameters that reach it alone."""

    name: str
    parameters: CommonParameters


COMMON_FIELDS = (
    ObservedField("error", "text", "What went wrong on the way, one of the documented words; null when nothing did."),
    ObservedField("error_detail", "text", "More about the error, in words."),
    ObservedField("duration_ms", "number", "From the start of the attempt until its answer was complete.", "ms"),
    ObservedField("remote_ip", "text", "The address that was dialled."),
    ObservedField("remote_port", "number", "The port that was dialled."),
    ObservedField("member", "text", "Which of several targets this attempt was for; null when there is one."),
)


@dataclass(frozen=True)
class Kind:
    """A check kind.

    `observe(parameters, context)` makes one attempt: it fills and returns `context.observation`, raises TargetFailure
    for the target's doing and CannotLook for ours. `members` gives the targets of an *each* parameter, or None.
    `free_form` names the fields whose inside the target decides (headers, json). `sample` is a typed example that
    expectations are tried on when they are saved.
    """

    name: str
    title: str
    parameters: type[CommonParameters]
    first_parameter: str
    fields: tuple[ObservedField, ...]
    sample: Mapping[str, Any]
    observe: Callable[[Any, ProbeContext], Awaitable[Observation]]
    members: Callable[[Any, ProbeContext], Awaitable[list[Member] | None]] | None = None
    free_form: frozenset[str] = frozenset()

    @property
    def observation_fields(self) -> tuple[ObservedField, ...]:
        return COMMON_FIELDS + self.fields

    @property
    def sample_observation(self) -> dict[str, Any]:
        common = {"duration_ms": 12.5, "remote_ip": "192.0.2.10", "remote_port": 443, "member": "192.0.2.10"}
        return {"error": "connection_refused", "error_detail": "refused", **common, **self.sample}

    def empty_observation(self, member: str | None = None) -> Observation:
        observation: Observation = {field.name: None for field in self.observation_fields}
        observation["member"] = member
        return observation
