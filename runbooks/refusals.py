"""A change that the rules do not allow. Nothing was written."""


class Refused(Exception):
    """The message says to the person what stands in the way and what to do."""

    def __init__(self, message: str, *, field: str = "") -> None:
        self.field = field
        super().__init__(message)
