"""Keys that people say aloud: INC-1, MNT-14. One sequence per prefix in the installation."""

from django.db.models import F

from teams.models import KeyCounter


def next_number(prefix: str) -> int:
    """Give out the next number. Call inside the transaction that uses it: the counter's row stays locked."""
    KeyCounter.objects.get_or_create(prefix=prefix)
    KeyCounter.objects.filter(prefix=prefix).update(last_number=F("last_number") + 1)
    return KeyCounter.objects.get(prefix=prefix).last_number
