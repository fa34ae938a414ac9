"""Fields that several forms share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.db.models import QuerySet

from incidents.changes import TEXT_MAX_CHARACTERS
from teams.models import Environment, Membership, Team, User
from teams.refusals import Refused

if TYPE_CHECKING:  # the class takes its type argument in the stubs only
    EnvironmentChoice = forms.ModelChoiceField[Environment]
    MemberChoice = forms.ModelChoiceField[User]
else:
    EnvironmentChoice = MemberChoice = forms.ModelChoiceField


class TextField(forms.CharField):
    """Markdown of up to 100,000 characters, refused with both numbers."""

    def __init__(self, *, rows: int = 4, required: bool = True, **options: Any) -> None:
        attributes = options.pop("attrs", {})
        options.setdefault("widget", forms.Textarea(attrs={"rows": rows, **attributes}))
        super().__init__(required=required, strip=True, max_length=TEXT_MAX_CHARACTERS, **options)
        # The browser would cut a longer paste without a word: better to be told.
        self.widget.attrs.pop("maxlength", None)
        self.error_messages["max_length"] = (
            "This has %(show_value)d characters; at most %(limit_value)d fit. Shorten it, or attach it as a file."
        )
        for validator in self.validators:
            if getattr(validator, "limit_value", None) == TEXT_MAX_CHARACTERS:
                validator.message = self.error_messages["max_length"]  # type: ignore[attr-defined]


class EnvironmentField(EnvironmentChoice):
    """One of the team's environments, by its short name."""

    def __init__(self, team: Team, **options: Any) -> None:
        options.setdefault("required", False)
        options.setdefault("empty_label", "Not stated")
        super().__init__(queryset=environments_of(team), **options)

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.short_name} · {obj.name}" if obj.short_name != obj.name else obj.name


class MemberField(MemberChoice):
    """Somebody of the team."""

    def __init__(self, team: Team, **options: Any) -> None:
        options.setdefault("required", False)
        options.setdefault("empty_label", "Nobody")
        super().__init__(queryset=members_of(team), **options)


def environments_of(team: Team) -> QuerySet[Environment]:
    return Environment.objects.filter(team=team)


def members_of(team: Team) -> QuerySet[User]:
    ids = Membership.objects.filter(team=team).values("user_id")
    return User.objects.filter(pk__in=ids, is_active=True).order_by("full_name")


def show_refusal(form: forms.Form, refused: Refused) -> None:
    """Put a refusal beside the field it is about."""
    form.add_error(refused.field if refused.field in form.fields else None, str(refused))
