"""The guides agree with the code: every setting is named, and the command lines are those that are run."""

from __future__ import annotations

import re

from pages.serving import worker_command
from tests.servers import PROJECT_FOLDER

DOCS = PROJECT_FOLDER / "docs"
READ = re.compile(r"""\benv\.\w+\(\s*"([A-Z][A-Z0-9_]*)\"""")


def test_every_setting_stands_in_the_guide_and_no_other() -> None:
    read = set(READ.findall((PROJECT_FOLDER / "config" / "settings.py").read_text()))
    assert len(read) > 30, "the pattern finds them"
    first_cells = [line.split("|")[1] for line in (DOCS / "configuration.md").read_text().splitlines() if "|" in line]
    documented = set(re.findall(r"`([A-Z][A-Z0-9_]*)`", " ".join(first_cells)))
    assert sorted(read - documented) == []
    assert sorted(documented - read) == ["SAMPLE"], "of `serve`, not of the settings"


def test_the_guide_starts_workers_as_serve_does() -> None:
    guide = (DOCS / "deployment.md").read_text()
    unit = re.search(r"ExecStart=\S+/celery (.+)", guide)
    assert unit is not None
    ours = worker_command("QUEUE", "NAME")
    expected = " ".join(ours[ours.index("celery") + 1 :]).replace("--loglevel WARNING", "--loglevel INFO")
    assert unit[1] == expected.replace("QUEUE", "%i").replace("NAME@%h", "%i@%%h")
    commands = re.findall(r"`celery (.+?)`", guide)
    assert len(commands) == 2
    for command in commands:
        queue, name = re.search(r"-Q (\S+) -n (\S+)@", command).groups()  # type: ignore[union-attr]
        assert expected.replace("QUEUE", queue).replace("NAME", name).startswith(command)
