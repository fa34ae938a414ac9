from django.db import models


class Versioned(models.Model):
    """A row that people edit. Saving names the version that was read; see `teams.versions`."""

    version = models.PositiveIntegerField(default=1)

    class Meta:
        abstract = True
