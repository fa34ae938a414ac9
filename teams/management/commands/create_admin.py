"""`manage.py create_admin EMAIL`: an account that runs the installation, without the web."""

from __future__ import annotations

import getpass
import sys
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email
from django.utils import timezone

from teams import first_admin
from teams.models import User
from teams.models.user import validate_time_zone
from teams.refusals import Refused


class Command(BaseCommand):
    help = "Makes an account that runs the installation and is admin of a team; the team is made if it is new."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--name", required=True, help="the person's name")
        parser.add_argument("--team", required=True, help="the team's name")
        parser.add_argument("--time-zone", default="UTC", help="such as Europe/Berlin (default %(default)s)")
        parser.add_argument("--password-stdin", action="store_true", help="read the password from standard input")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            validate_email(options["email"])
            validate_time_zone(options["time_zone"])
            password = _password(options["password_stdin"])
            validate_password(password, User(email=options["email"], full_name=options["name"]))
            user = first_admin.create_admin(
                email=options["email"],
                full_name=options["name"],
                password=password,
                time_zone=options["time_zone"],
                team_name=options["team"],
                now=timezone.now(),
            )
        except ValidationError as problem:
            raise CommandError(" ".join(problem.messages), returncode=2) from None
        except Refused as refused:
            raise CommandError(str(refused), returncode=2) from None
        first_admin.code_path().unlink(missing_ok=True)
        self.stdout.write(f"{user.email} runs this installation and is admin of {options['team']}.")


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\n")
    password = getpass.getpass("Password: ")
    if password != getpass.getpass("Again: "):
        raise CommandError("The two are not the same.", returncode=2)
    return password
