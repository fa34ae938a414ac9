"""A `manage.py probe …` to try against a replay, and the verdict that the story foretells for each of its states."""

import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

PROJECT_FOLDER = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class ProbeCommand:
    """`verdicts`: state of the replay → `passed` or `failed`."""

    title: str
    kind: str
    target: str
    verdicts: Mapping[str, str]
    parameters: Mapping[str, str] = field(default_factory=dict)
    expectations: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    zone: str = "127.0.0.0/8"

    def arguments(self) -> list[str]:
        """What follows `manage.py`."""
        arguments = ["probe", self.kind, self.target]
        arguments += [f"{name}={value}" for name, value in self.parameters.items()]
        for expectation in self.expectations:
            arguments += ["--expect", expectation]
        for name, value in self.variables.items():
            arguments += ["--var", f"{name}={value}"]
        return [*arguments, "--zone", self.zone]

    def shell(self) -> str:
        """The command to paste into a shell in the project's folder."""
        return shlex.join([_interpreter(), "manage.py", *self.arguments()])


def _interpreter() -> str:
    """This Python, as one types it in the project's folder: `.venv/bin/python` where that is the one running."""
    executable = Path(sys.executable)
    inside = executable.is_relative_to(PROJECT_FOLDER)
    return str(executable.relative_to(PROJECT_FOLDER) if inside else executable)
