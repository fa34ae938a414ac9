from django.db import models


class KeyCounter(models.Model):
    """The last number given out for a key prefix, such as INC. Numbers are never given twice."""

    prefix = models.CharField(max_length=8, primary_key=True)
    last_number = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.prefix}-{self.last_number}"
