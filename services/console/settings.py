"""What an operator sets for a console."""

from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from libs.runtime.addresses import check_url, is_loopback
from libs.runtime.settings import ServiceSettings, of_file
from services.console.sign_in.local_people import read_people

SECRET_CHARACTERS_MIN: Final = 32


def _origin(address: str) -> str:
    parts = check_url(address)
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("it has more than a scheme, a host and a port")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("it is plain http on another machine, where browsers keep no session")
    return address.rstrip("/")


def _url(address: str) -> str:
    check_url(address)
    return address.rstrip("/")


def _issuer(address: str) -> str:
    parts = check_url(address)
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("it is plain http to another machine")
    return address


def _secrets(text: SecretStr) -> SecretStr:
    if any(len(each.strip()) < SECRET_CHARACTERS_MIN for each in text.get_secret_value().split(",")):
        raise ValueError(f"one of them has fewer than {SECRET_CHARACTERS_MIN} characters")
    return text


def _frame_ancestors(text: str) -> str:
    for each in text.split():
        if each != _origin(each):
            raise ValueError("one of them is no origin")
    return text


Url = Annotated[str, AfterValidator(_url)]


class ConsoleSettings(ServiceSettings):
    """The environment of one console. Several may stand side by side: they share nothing but settings."""

    console_url: Annotated[str, AfterValidator(_origin)] = Field(
        description="the origin at which browsers reach the console, such as https://console.example.com"
    )
    session_secret: Annotated[SecretStr, AfterValidator(_secrets)] = Field(
        description=f"at least {SECRET_CHARACTERS_MIN} random characters, the same for all consoles; "
        "older ones may follow after commas"
    )
    registry_url: Url = Field(description="the registry's address, such as http://registry:8080")
    audit_url: Url = Field(description="the audit service's address")
    gatekeeper_url: Url = Field(description="a gatekeeper's address: its service port, not its authz port")
    relay_url: Url | None = Field(None, description="the relay's address, for the operators' view")
    projection_url: Url | None = Field(None, description="the projection's address, for the operators' view")
    shipper_url: Url | None = Field(None, description="a shipper's address, for the operators' view")
    api_url: Url = Field(
        "https://api.example.com", description="where integrations send their requests, for examples to copy"
    )
    vendor_key_header: str = Field(
        "x-api-key",
        pattern=r"^[A-Za-z0-9-]{1,64}$",
        description="the header of a vendor key, as at gatekeepers",
    )
    subscriber_key_header: str = Field(
        "A-api-key",
        pattern=r"^[A-Za-z0-9-]{1,64}$",
        description="the header of a subscriber key, as at gatekeepers",
    )
    oidc_issuer: Annotated[str, AfterValidator(_issuer)] | None = Field(
        None, description="the OpenID provider's issuer, an https:// address"
    )
    oidc_client_id: str | None = Field(None, description="what the provider calls this console")
    oidc_client_secret: SecretStr | None = Field(
        None, description="what the console shows the provider; none for a public client"
    )
    oidc_scope: str = Field("openid", description="scopes to ask the provider for, with spaces between")
    oidc_resource: str | None = Field(
        None, description="the resource (RFC 8707) for which access tokens are asked; none unless set"
    )
    oidc_audience: str | None = Field(
        None, description="the audience for which access tokens are asked, where the provider takes that"
    )
    local_people: Annotated[Path | None, of_file(read_people)] = Field(
        None, description="a local stack's own file of sample people; only a local stack has one"
    )
    frame_ancestors: Annotated[str, AfterValidator(_frame_ancestors)] = Field(
        "", description="the origins whose pages may embed this one, with spaces between; none unless set"
    )
    session_max_s: int = Field(
        8 * 3600, ge=60, le=7 * 86_400, description="how long a session lasts: 60 to 604800 seconds"
    )
    session_idle_s: int = Field(
        1800, ge=60, le=86_400, description="how long a session lasts unused: 60 to 86400 seconds"
    )

    @model_validator(mode="after")
    def _one_way_to_sign_in(self) -> Self:
        if (self.oidc_issuer is None) == (self.local_people is None):
            raise ValueError("KEYFOLD_OIDC_ISSUER must be set: it is how people sign in")
        if self.oidc_issuer is not None and self.oidc_client_id is None:
            raise ValueError("KEYFOLD_OIDC_CLIENT_ID must be set beside KEYFOLD_OIDC_ISSUER")
        if self.local_people is not None and not _is_local(self):
            raise ValueError("KEYFOLD_LOCAL_PEOPLE is of a local stack, which listens on 127.0.0.1 alone")
        return self


def _is_local(settings: ConsoleSettings) -> bool:
    host = check_url(settings.console_url).hostname
    return is_loopback(settings.http_host) and is_loopback(host)
