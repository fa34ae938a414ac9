"""MFA=1 and single sign-on: who comes in, with what, and that the routes they bring are shut to the others."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.servers import PROJECT_FOLDER

MFA = {"MFA": "1"}
OIDC = {"OIDC_SERVER_URL": "https://login.example.org", "OIDC_CLIENT_ID": "hindsight", "OIDC_CLIENT_SECRET": "secret"}
ELSEWHERE = ("DATABASE_URL", "CELERY_BROKER_URL", "CACHE_URL")


def played(scenario: str, folder: Path, **switches: str) -> dict[str, Any]:
    """See `sign_in_switches`."""
    inherited = {name: value for name, value in os.environ.items() if name not in ELSEWHERE}
    done = subprocess.run(
        [sys.executable, "-m", "tests.teams.sign_in_switches", scenario],
        env={**inherited, "STATE_DIR": str(folder), "PLAIN_STATIC": "1", "ALLOWED_HOSTS": "testserver", **switches},
        cwd=PROJECT_FOLDER,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    outcome: dict[str, Any] = json.loads(done.stdout)
    return outcome


def test_invited_people_and_the_first_admin_can_switch_one_time_codes_on(tmp_path: Path) -> None:
    outcome = played("second_factor", tmp_path, **MFA)
    assert outcome.pop("joined") == 302
    expected = {
        "page": 200,
        "activated": 302,
        "asked_at": "/accounts/2fa/authenticate/",
        "in_without_code": False,
        "in_with_code": True,
    }
    assert outcome == {"ada": expected, "new": expected}


def test_single_sign_on_lets_known_and_invited_addresses_in_and_nobody_else(tmp_path: Path) -> None:
    outcome = played("single_sign_on", tmp_path, **OIDC)
    comes_in = {name: facts["as"] for name, facts in outcome.items() if isinstance(facts, dict)}
    assert comes_in == {
        "known": "ada@example.org",
        "known again": "ada@example.org",
        "known, not verified": None,
        "invited": "new@example.org",
        "invited, not verified": None,
        "stranger": None,
        "nobody": None,
    }
    assert {outcome[name]["to"] for name in ("known", "known again", "invited")} == {"/"}
    assert outcome["people"] == [["ada@example.org", "Ada Lovelace"], ["new@example.org", "Given By Provider"]]
    assert outcome["members"] == [["ada@example.org", "admin"], ["new@example.org", "responder"]]
    assert outcome["password kept"], "signing in the other way must not take the password away"


def test_the_callback_address_is_the_documented_one(tmp_path: Path) -> None:
    callback = played("single_sign_on", tmp_path, **OIDC)["callback"]
    assert f"`PUBLIC_URL{callback}`" in (PROJECT_FOLDER / "docs" / "configuration.md").read_text()


OPEN_TO_ALL = {
    "socialaccount_login_cancelled": "says so; the person was about to sign in",
    "openid_connect_login": "the way in: asks to go on to the provider",
    "openid_connect_callback": "the way back: refuses what it did not ask for",
}


def test_what_the_switches_bring_asks_for_sign_in_unless_it_is_the_way_in(tmp_path: Path) -> None:
    """These routes are not in the access matrix, whose process has no switch on; they know no team and no role."""
    outcome = played("extra_routes", tmp_path, **MFA, **OIDC)
    assert len(outcome) >= 15
    assert {name for name, status in outcome.items() if status["anonymous"] != 302} == set(OPEN_TO_ALL)
    assert outcome["openid_connect_callback"]["anonymous"] == 401
    assert [name for name, status in outcome.items() if status["member"] >= 500] == []
