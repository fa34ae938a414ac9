"""Forms of people, teams and what they own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from zoneinfo import available_timezones

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from teams import zones
from teams.models import EgressZone, Environment, Service, User
from teams.models.user import Theme, validate_time_zone
from teams.refusals import Refused
from teams.roles import Role

Parsed = TypeVar("Parsed")
ZONE_NAMES = [
    "UTC",
    *sorted(name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "posix", "right"))),
]


def show_refusal(form: forms.BaseForm, refused: Refused) -> None:
    """Put a refusal beside the field it is about."""
    form.add_error(refused.field if refused.field in form.fields else None, str(refused))


class TimeZoneField(forms.CharField):
    """An IANA zone name, typed with suggestions from the page's `<datalist id="time-zones">`."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("label", "Time zone")
        options.setdefault("help_text", "Like Europe/Berlin. Times are shown in this zone, with UTC beside.")
        widget = forms.TextInput(attrs={"list": "time-zones", "autocomplete": "off", "spellcheck": "false"})
        super().__init__(max_length=64, widget=widget, validators=[validate_time_zone], **options)


def new_password_field() -> forms.CharField:
    return forms.CharField(
        label="Password",
        strip=False,
        max_length=4096,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="At least 8 characters, not one of the common ones. A sentence is good.",
    )


class AccountForm(forms.Form):
    """What a new account needs, apart from its address."""

    full_name = forms.CharField(
        label="Your name", max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    password = new_password_field()
    time_zone = TimeZoneField(initial="UTC")
    invited_address = ""

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        password = self.cleaned_data.get("password")
        if password:
            email = self.cleaned_data.get("email") or self.invited_address
            person = User(email=email, full_name=self.cleaned_data.get("full_name", ""))
            try:
                validate_password(password, person)
            except ValidationError as problem:
                self.add_error("password", problem)
        return cleaned


class WelcomeForm(AccountForm):
    setup_code = forms.CharField(
        label="Setup code",
        max_length=80,
        help_text="Printed when Hindsight started; kept in the file setup_code of its state folder.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "class": "input-mono"}),
    )
    email = forms.EmailField(label="Your address", widget=forms.EmailInput(attrs={"autocomplete": "username"}))
    team_name = forms.CharField(label="Your team's name", max_length=80)
    field_order = ["setup_code", "full_name", "email", "password", "team_name", "time_zone"]


class SettingsForm(forms.ModelForm):  # type: ignore[type-arg]  # Django 5.2 has no runtime generics here
    time_zone = TimeZoneField()
    theme = forms.ChoiceField(choices=Theme.choices, widget=forms.RadioSelect)

    class Meta:
        model = User
        fields = ["full_name", "time_zone", "theme"]


class InviteForm(forms.Form):
    email = forms.EmailField(label="Address", widget=forms.EmailInput(attrs={"autocomplete": "off"}))
    role = forms.ChoiceField(choices=Role.choices, initial=Role.RESPONDER.value)


class EnvironmentForm(forms.ModelForm):  # type: ignore[type-arg]  # no generics at run time
    class Meta:
        model = Environment
        fields = ["name", "short_name", "is_production"]
        labels = {"is_production": "This is production", "short_name": "Short name"}
        help_texts = {"name": "Such as Acceptance test."}


class ServiceForm(forms.ModelForm):  # type: ignore[type-arg]  # no generics at run time
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = Service
        fields = ["name", "description"]
        widgets = {"description": forms.Textarea(attrs={"rows": 5})}


class ZoneForm(forms.Form):
    name = forms.CharField(max_length=60, help_text="Such as Data centre Nord.")
    cidrs = forms.CharField(
        label="Networks",
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 3, "class": "input-mono", "spellcheck": "false"}),
        help_text="One per line: 10.0.0.0/8, fd12:3456::/48, or one address.",
    )
    ports = forms.CharField(required=False, max_length=200, help_text="Such as 80, 443, 8000-8999. Empty: every port.")
    protocols = forms.MultipleChoiceField(
        required=False,
        choices=[("tcp", "TCP"), ("udp", "UDP")],
        widget=forms.CheckboxSelectMultiple,
        help_text="None ticked: both.",
    )
    locations = forms.CharField(
        required=False, max_length=400, help_text="Worker locations, with commas between. Empty: everywhere."
    )
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    @classmethod
    def of(cls, zone: EgressZone) -> ZoneForm:
        initial = {
            "name": zone.name,
            "cidrs": "\n".join(zone.cidrs),
            "ports": zone.ports,
            "protocols": zone.protocols,
            "locations": ", ".join(zone.locations),
            "version": zone.version,
        }
        return cls(initial=initial)

    def clean_cidrs(self) -> list[str]:
        return _or_error(zones.parse_networks, self.cleaned_data["cidrs"])

    def clean_ports(self) -> str:
        return _or_error(zones.check_ports, self.cleaned_data["ports"])

    def clean_locations(self) -> list[str]:
        return [part.strip() for part in self.cleaned_data["locations"].split(",") if part.strip()]

    def values(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in ("name", "cidrs", "ports", "protocols", "locations")}


def _or_error(parse: Callable[[str], Parsed], text: str) -> Parsed:
    try:
        return parse(text)
    except Refused as refused:
        raise ValidationError(str(refused)) from None
