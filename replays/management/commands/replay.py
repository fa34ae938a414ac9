"""`manage.py replay NAME`: run one of the real incidents in miniature until Ctrl-C."""

import os
import select
import signal
import textwrap
import time
from argparse import ArgumentParser
from pathlib import Path
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from replays.errors import ReplayError
from replays.registry import REPLAYS
from replays.vm_migration import VmMigration

POLL_SECONDS = 0.2
STANDARD_INPUT = 0
HIGHEST_PORT_BASE = 65500


class Stopped(Exception):
    """Ctrl-C, SIGTERM, or the terminal has gone."""


class TypedLines:
    """Lines from a file descriptor as they come; none any more after its end (started without a terminal)."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.open = True
        self._unfinished = b""

    def within(self, seconds: float) -> list[str]:
        """The lines that arrive in this time; returns as soon as there are some."""
        if not self.open:
            time.sleep(seconds)
            return []
        try:
            if not select.select([self.descriptor], [], [], seconds)[0]:
                return []
            chunk = os.read(self.descriptor, 4096)
        except OSError:  # closed, or the terminal does not want to be read from the background
            chunk = b""
        self.open = bool(chunk)
        *lines, self._unfinished = (self._unfinished + chunk).split(b"\n")
        return [line.decode(errors="replace") for line in lines]


class Command(BaseCommand):
    help = "Starts one of the real incidents in miniature on loopback, with commands to try, until Ctrl-C."
    requires_system_checks: list[str] = []  # needs neither database nor templates
    fix_requested = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", nargs="?", metavar="NAME", help="which one; --list names them")
        parser.add_argument("--list", action="store_true", dest="list_replays", help="name the replays and stop")
        parser.add_argument("--fixed", action="store_true", help="start with the fault repaired")
        parser.add_argument("--port-base", type=int, metavar="PORT", help="use the ports from this one on")
        parser.add_argument(
            "--state-file", type=Path, metavar="FILE", help="default: replays/NAME.json in the state folder"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["list_replays"]:
            for name, kind in REPLAYS.items():
                self.stdout.write(f"{name:<20} {kind.title}")
            return
        replay = self._make(**options)
        try:
            self._play(replay)
        except ReplayError as error:
            raise CommandError(str(error), returncode=2) from error

    def _make(
        self, *, name: str | None, fixed: bool, port_base: int | None, state_file: Path | None, **_: Any
    ) -> VmMigration:
        known = ", ".join(REPLAYS)
        if name is None:
            raise CommandError(f"Say which replay: {known}.", returncode=2)
        if name not in REPLAYS:
            raise CommandError(f"There is no replay “{name}”. There are: {known}.", returncode=2)
        if port_base is not None and not 1 <= port_base <= HIGHEST_PORT_BASE:
            raise CommandError(f"--port-base {port_base}: give a port from 1 to {HIGHEST_PORT_BASE}.", returncode=2)
        state_file = state_file or Path(settings.STATE_DIR) / "replays" / f"{name}.json"
        return REPLAYS[name].on_port_base(port_base, fixed=fixed, state_file=state_file)

    def _play(self, replay: VmMigration) -> None:
        before = {
            signal.SIGINT: signal.signal(signal.SIGINT, _stop),
            signal.SIGTERM: signal.signal(signal.SIGTERM, _stop),
            signal.SIGHUP: signal.signal(signal.SIGHUP, _stop),
            signal.SIGUSR1: signal.signal(signal.SIGUSR1, self._request_fix),
        }
        try:
            with replay:
                self._introduce(replay)
                self._attend(replay)
        except Stopped:
            self.stderr.write("Stopped; nothing is left running.")
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _introduce(self, replay: VmMigration) -> None:
        self.stdout.write(f"{replay.title} ({replay.name}), {replay.state}.\n")
        for role, address in replay.addresses().items():
            self.stdout.write(f"  {role:<48} {address}")
        self.stdout.write("\nTry, in another shell, in the project's folder:\n\n")
        for probe in replay.probes():
            verdicts = ", ".join(f"{state}: {verdict}" for state, verdict in probe.verdicts.items())
            self.stdout.write(f"# {probe.title}\n# {verdicts}\n{probe.shell()}\n\n")
        self.stdout.write("While it runs, type a letter and Enter:")
        for letter, command in _letters(replay).items():
            self.stdout.write(textwrap.fill(f"  {letter}  {replay.commands[command]}", 110, subsequent_indent="     "))
        self.stdout.write(f"SIGUSR1 to process {os.getpid()} does the same as f. Ctrl-C stops.")
        self.stdout.flush()

    def _attend(self, replay: VmMigration) -> None:
        """Wait for letters and signals, until the system ends or somebody stops it."""
        letters = _letters(replay)
        typed = TypedLines(STANDARD_INPUT)
        while True:
            replay.require_alive()
            if self.fix_requested:
                self.fix_requested = False
                self._switch(replay, letters["f"])
            for line in typed.within(POLL_SECONDS):
                letter = line.strip().lower()
                if letter in letters:
                    self._switch(replay, letters[letter])
                elif letter:
                    self.stderr.write(f"“{letter}” means nothing here; type {' or '.join(letters)}, or press Ctrl-C.")

    def _switch(self, replay: VmMigration, command: str) -> None:
        replay.switch(command)
        self.stdout.write(f"Now: {replay.state}.")
        self.stdout.flush()

    def _request_fix(self, number: int, frame: FrameType | None) -> None:
        self.fix_requested = True


def _letters(replay: VmMigration) -> dict[str, str]:
    """The letter to type for each of the replay's commands: its first."""
    return {command[0]: command for command in replay.commands}


def _stop(number: int, frame: FrameType | None) -> None:
    for again in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(again, signal.SIG_IGN)  # an impatient second Ctrl-C must not cut the clean-up short
    raise Stopped
