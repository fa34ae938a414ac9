"""`manage.py load_sample_data`: five incidents, three runbooks and a planned maintenance, for a look around."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from replays.sample_data.loading import load_sample
from replays.sample_data.people import sign_in_file


class Command(BaseCommand):
    help = "Loads the sample team with its incidents, runbooks and maintenance. A second run changes nothing."

    def handle(self, *args: Any, **options: Any) -> None:
        if load_sample(timezone.now(), sign_in_file()):
            self.stderr.write(f"Sample data loaded. The sign-in stands in {sign_in_file()}.")
        else:
            self.stderr.write("The sample team is there already; nothing was changed.")
