"""Parameters that every kind takes, and the types that several share."""

import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from checks.egress import parse_address
from checks.http_wire import TOKEN
from checks.name_service import split_address
from checks.resolution import Endpoint
from checks.urls import ascii_host

MAXIMUM_TIMEOUT_SECONDS = 300.0


def _address(text: str) -> str:
    address = parse_address(text)
    if address is None:
        raise ValueError(f"{text!r} is not an IP address")
    return str(address)


def _address_and_port(text: str) -> str:
    host, port = split_address(text, 53)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _host(text: str) -> str:
    return ascii_host(text.strip())


def _header_text(text: str) -> str:
    if any(character in text for character in "\r\n\0"):
        raise ValueError("must not hold a line break or NUL")
    return text


def _headers(value: Any) -> Any:
    """Headers as an object, or as "Name: value" texts (a list, or lines)."""
    if isinstance(value, str):
        value = value.splitlines()
    if isinstance(value, list):
        pairs: dict[str, str] = {}
        for line in value:
            name, colon, content = str(line).partition(":")
            if not colon:
                raise ValueError(f"{line!r} is not Name: value")
            pairs[name.strip()] = content.strip()
        return pairs
    if isinstance(value, dict):
        return {name: str(item) if isinstance(item, (int, float)) else item for name, item in value.items()}
    return value


def _checked_headers(headers: dict[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if TOKEN.fullmatch(name) is None:
            raise ValueError(f"{name!r} is not a header name")
        if any(character in value for character in "\r\n\0"):
            raise ValueError(f"the value of {name} must not hold a line break or NUL")
    if sum(len(name) + len(value) for name, value in headers.items()) > 32_768:
        raise ValueError("more than 32768 characters of headers")
    return headers


def comma_separated(value: Any) -> Any:
    """A list, or its members with commas between."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


def _json_body(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, (dict, list)) else value


def _digits_to_number(value: Any) -> Any:
    return int(value) if isinstance(value, str) and value in ("4", "6") else value


Address = Annotated[str, AfterValidator(_address)]
AddressAndPort = Annotated[str, AfterValidator(_address_and_port)]
Host = Annotated[str, AfterValidator(_host)]
Port = Annotated[int, Field(ge=1, le=65_535)]
HeaderText = Annotated[str, AfterValidator(_header_text)]
Headers = Annotated[dict[str, str], BeforeValidator(_headers), AfterValidator(_checked_headers)]
BodyText = Annotated[str, BeforeValidator(_json_body), Field(max_length=1_048_576)]


class CommonParameters(BaseModel):
    """What all kinds accept. Unknown names are refused, so that a misspelt one is never silently ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    timeout_seconds: float = Field(
        default=10.0, gt=0, le=MAXIMUM_TIMEOUT_SECONDS, allow_inf_nan=False, description="Time for one attempt."
    )
    ip_version: Annotated[Literal[4, 6] | None, BeforeValidator(_digits_to_number)] = Field(
        default=None, description="Dial only IPv4 or only IPv6 addresses."
    )
    connect_to: Address | None = Field(
        default=None, description="Dial this address, but keep Host and server name as they are."
    )
    resolver: AddressAndPort | None = Field(
        default=None, description="Resolve names at this address[:port] in place of the system's resolver."
    )

    def endpoint(self, host: str, port: int) -> Endpoint:
        return Endpoint(host, port, self.connect_to, self.resolver, self.ip_version)
