"""Optimistic locking: a save names the version that was read, and never overwrites somebody else's."""

from typing import Any

from django.db.models import F

from teams.models import Versioned


class EditConflict(Exception):
    """Somebody saved in between. `current` is the row as it stands now."""

    def __init__(self, current: Versioned) -> None:
        super().__init__(f"{current} was changed by somebody else meanwhile")
        self.current = current


def save_if_unchanged(row: Versioned, expected_version: int, **changes: Any) -> None:
    """Write `changes` where the row's version is still `expected_version`, and count the version up.

    One guarded UPDATE decides; its row count tells. Raises `EditConflict`, with nothing written, when another
    save came first.
    """
    model = type(row)
    guarded = model._default_manager.filter(pk=row.pk, version=expected_version)
    if not guarded.update(version=F("version") + 1, **changes):
        raise EditConflict(model._default_manager.get(pk=row.pk))
    for name, value in changes.items():
        setattr(row, name, value)
    row.version = expected_version + 1
