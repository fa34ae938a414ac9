"""The runbooks that come with Hindsight: read from `runbooks/shipped/*.yaml`, a team's own once loaded."""

from datetime import datetime
from pathlib import Path

from runbooks.editing import create_runbook
from runbooks.models import Runbook
from runbooks.validation import read_valid
from teams.actors import Actor
from teams.models import Team

FOLDER = Path(__file__).parent / "shipped"


def shipped_files() -> list[Path]:
    return sorted(FOLDER.glob("*.yaml"))


def load_shipped(team: Team, actor: Actor, now: datetime) -> list[Runbook]:
    """Give the team each shipped runbook that it does not have yet, by file name. Returns the new ones."""
    present = set(Runbook.objects.filter(team=team).values_list("slug", flat=True))
    return [
        create_runbook(team, read_valid(path.read_text()), slug=path.stem, actor=actor, now=now, note="As shipped")
        for path in shipped_files()
        if path.stem not in present
    ]
