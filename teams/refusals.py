"""What is said when a change may not be made as asked. Views show it beside the field and keep what was typed."""


class Refused(ValueError):
    """The change was not made, nothing was saved. The message is for the person; `field` names the form's field."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field
