"""Changes that are let go at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable

from django.db import connection


def at_once(*changes: Callable[[], object]) -> list[BaseException]:
    """Each on a thread and a database connection of its own; the problems they met, none if all went well."""
    start, problems = threading.Barrier(len(changes)), list[BaseException]()

    def run(change: Callable[[], object]) -> None:
        try:
            start.wait(10)
            change()
        except BaseException as problem:
            problems.append(problem)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(change,)) for change in changes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return problems
