"""Database triggers that refuse to change or delete audit events, whoever asks: a shell, an admin tool, a bug.

Who owns the database can drop them; the hash chain then still shows what was done. They are lifted in two places only:
`restore --replace`, which puts a whole database in place of another, and the tests' flush. A later migration that
rebuilds the table on SQLite (which loses its triggers) calls `create` again at its end.
"""

from django.db.backends.base.base import BaseDatabaseWrapper

TABLE = "teams_auditevent"
_REASON = "the audit log is append-only"

_CREATE = {
    "sqlite": [
        f"CREATE TRIGGER audit_events_stay BEFORE DELETE ON {TABLE} BEGIN SELECT RAISE(ABORT, '{_REASON}'); END",
        f"CREATE TRIGGER audit_events_do_not_change BEFORE UPDATE ON {TABLE} "
        f"BEGIN SELECT RAISE(ABORT, '{_REASON}'); END",
    ],
    "postgresql": [
        "CREATE OR REPLACE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_REASON}'; END $$",
        f"CREATE TRIGGER audit_events_stay BEFORE DELETE ON {TABLE} "
        "FOR EACH ROW EXECUTE FUNCTION refuse_audit_change()",
        f"CREATE TRIGGER audit_events_do_not_change BEFORE UPDATE ON {TABLE} "
        "FOR EACH ROW EXECUTE FUNCTION refuse_audit_change()",
    ],
}
_DROP = {
    "sqlite": ["DROP TRIGGER IF EXISTS audit_events_stay", "DROP TRIGGER IF EXISTS audit_events_do_not_change"],
    "postgresql": [
        f"DROP TRIGGER IF EXISTS audit_events_stay ON {TABLE}",
        f"DROP TRIGGER IF EXISTS audit_events_do_not_change ON {TABLE}",
    ],
}


def create(connection: BaseDatabaseWrapper) -> None:
    _run(connection, _CREATE)


def drop(connection: BaseDatabaseWrapper) -> None:
    _run(connection, _DROP)


def _run(connection: BaseDatabaseWrapper, statements: dict[str, list[str]]) -> None:
    with connection.cursor() as cursor:
        for statement in statements[connection.vendor]:
            cursor.execute(statement)
