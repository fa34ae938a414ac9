"""`manage.py probe`: one check here and now, without the database."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from checks.command_line import main
from checks.egress import DeniedRange
from teams.own_listeners import own_listeners


class Command(BaseCommand):
    """The words after `probe` are the probe's own: Django's options would take `--json` and friends apart."""

    help = "Run one check here and now: probe KIND TARGET [name=value …] (see probe --help)."
    requires_system_checks = ()

    def run_from_argv(self, argv: list[str]) -> None:
        raise SystemExit(_probe(argv[2:]))

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("words", nargs="*")

    def handle(self, *args: Any, **options: Any) -> None:
        code = _probe(options["words"])
        if code:
            raise SystemExit(code)


def _probe(words: list[str]) -> int:
    denied = [DeniedRange(cidr.strip()) for cidr in settings.EGRESS_DENY if cidr.strip()]
    return main(words, own_listeners=own_listeners(), denied=denied)
