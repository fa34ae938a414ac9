"""The file in which a running replay says where it listens and what is repaired; gone when the replay is."""

import json
import os
from pathlib import Path
from typing import Any


def write_state(path: Path, state: dict[str, Any]) -> None:
    """Replace the file as a whole: readers see the old text or the new one. `state["pid"]` says whose it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_text(json.dumps(state, indent=2) + "\n")
    draft.replace(path)


def remove_state(path: Path, pid: int) -> None:
    """Remove the file if it is this process's: a second start that fails must not take away the first one's."""
    try:
        state = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return
    if state.get("pid") == pid:
        path.unlink(missing_ok=True)
