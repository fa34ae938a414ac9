"""Tell the live pages that something they show has changed."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection

from runbooks.ledger import sql


def bump_live_versions(definition_ids: Iterable[int]) -> None:
    """Add one to `live_version` of the maintenances of these checks. Call inside the transaction of the change."""
    ids = sorted(set(definition_ids))
    if not ids:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT m.id FROM runbooks_maintenance m WHERE m.id IN (
                SELECT s.maintenance_id FROM runbooks_checkdefinition d
                JOIN runbooks_checkliststep s ON s.id = d.checklist_step_id
                WHERE d.id IN ({sql.marks(ids)})
            ) ORDER BY m.id {sql.in_order_locked()}
            """,
            ids,
        )
        maintenance_ids = [row[0] for row in cursor.fetchall()]
        if maintenance_ids:
            cursor.execute(
                "UPDATE runbooks_maintenance SET live_version = live_version + 1 "
                f"WHERE id IN ({sql.marks(maintenance_ids)})",
                maintenance_ids,
            )
