"""The facts of the host-binding incident, as values: the proxy that stopped sending the host name."""

from incidents.key_timestamps import EntryFacts, EnvironmentFacts
from incidents.written_times import WrittenTime

ST = EnvironmentFacts("ST", 1)
AT = EnvironmentFacts("AT", 2)
PRODUCTION = EnvironmentFacts("Production", 3, is_production=True)


def march(day: int, clock: str, zone: str | None = None) -> WrittenTime:
    hour, minute = clock.split(":")
    return WrittenTime.from_parts(2024, 3, day, (int(hour), int(minute), None), zone)


def host_binding_entries(zone: str | None = None) -> list[EntryFacts]:
    def entry(
        number: int, kind: str, place: EnvironmentFacts | None, day: int, clock: str, end: str = ""
    ) -> EntryFacts:
        return EntryFacts(number, kind, place, march(day, clock, zone), march(day, end, zone) if end else None)

    return [
        entry(1, "introduced", None, 6, "09:11"),
        entry(2, "deployed", AT, 6, "09:44"),
        entry(3, "deployed", PRODUCTION, 11, "10:57"),
        entry(4, "activated", AT, 12, "22:00"),
        entry(5, "symptom", AT, 12, "22:00"),
        entry(6, "reported", AT, 13, "13:12"),
        entry(7, "investigation", AT, 13, "13:30"),
        entry(8, "activated", PRODUCTION, 14, "01:06"),
        entry(9, "impact_started", PRODUCTION, 14, "01:06"),
        entry(10, "investigation", PRODUCTION, 14, "01:06", "05:15"),
        entry(11, "paged", None, 14, "04:41", "05:15"),
        entry(12, "acknowledged", None, 14, "05:15"),
        entry(13, "investigation", PRODUCTION, 14, "05:18"),
        entry(14, "action_taken", PRODUCTION, 14, "05:22"),
        entry(15, "action_taken", PRODUCTION, 14, "05:24"),
        entry(16, "symptom", PRODUCTION, 14, "05:42"),
        entry(17, "identified", AT, 14, "06:09"),
        entry(18, "resolved", PRODUCTION, 14, "06:26"),
    ]
