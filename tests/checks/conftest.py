"""Two busy cores make single examples slow now and then; that is no finding."""

from hypothesis import settings

settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")
