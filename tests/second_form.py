"""Run the tests that touch database or broker on PostgreSQL and Redis: `python -m tests.second_form [pytest options]`.

Servers: those of TEST_DATABASE_URL and TEST_BROKER_URL (a database of our own is made there, keys have a prefix of
their own; never emptied or stopped), else throwaway ones. Without either the second form is skipped, loudly, with
exit code 0, or 1 if REQUIRE_SECOND_FORM=1.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys

from tests import servers

NO_TESTS_COLLECTED = 5
TWO_PROCESSES = ["-n", "2", "--dist", "loadfile", "-q"]


def _missing() -> list[str]:
    missing = []
    if not os.environ.get("TEST_DATABASE_URL") and not servers.postgresql_binary("initdb"):
        missing.append("PostgreSQL (install postgresql, or set TEST_DATABASE_URL)")
    if not os.environ.get("TEST_BROKER_URL") and not shutil.which("redis-server"):
        missing.append("Redis (install redis-server, or set TEST_BROKER_URL)")
    return missing


def main(options: list[str]) -> int:
    if missing := _missing():
        required = os.environ.get("REQUIRE_SECOND_FORM") == "1"
        line = "=" * 100
        print(f"{line}\nSKIPPED: the tests on the second form (PostgreSQL + Redis).", file=sys.stderr)
        print(f"Missing: {'; '.join(missing)}.\n{line}", file=sys.stderr)
        return 1 if required else 0
    with contextlib.ExitStack() as stack:
        database_url = os.environ.get("TEST_DATABASE_URL") or stack.enter_context(servers.postgresql())
        broker_url = os.environ.get("TEST_BROKER_URL") or stack.enter_context(servers.redis())
        environment = os.environ | {"DATABASE_URL": database_url, "CELERY_BROKER_URL": broker_url}
        print("The second form: PostgreSQL + Redis.", file=sys.stderr, flush=True)
        command = [sys.executable, "-m", "pytest", "-m", "both_forms", *(options or TWO_PROCESSES)]
        code = subprocess.run(command, env=environment, check=False).returncode
    if code == NO_TESTS_COLLECTED:
        print("No test is marked both_forms.", file=sys.stderr)
    return code


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
