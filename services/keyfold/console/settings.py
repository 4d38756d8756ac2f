"""What an operator sets for a console."""

from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationInfo, field_validator

from keyfold.console.sign_in.local_people import read_people
from keyfold.runtime.settings.addresses import check_service_url, check_trusted_url, check_url, is_loopback
from keyfold.runtime.settings.base import KeyHeaderSettings, ServiceSettings, file_validator

SECRET_CHARACTERS_MIN: Final = 32


def _origin(address: str) -> str:
    parts = check_url(check_service_url(address))
    if parts.path not in ("", "/"):
        raise ValueError("it has more than a scheme, a host and a port")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("it is plain http on another machine, where browsers keep no session")
    return address.rstrip("/")


def _issuer(address: str) -> str:
    check_service_url(address)
    return check_trusted_url(address)


def _secrets(text: SecretStr) -> SecretStr:
    if any(len(each.strip()) < SECRET_CHARACTERS_MIN for each in text.get_secret_value().split(",")):
        raise ValueError(f"one of them has fewer than {SECRET_CHARACTERS_MIN} characters")
    return text


def _frame_ancestors(text: str) -> str:
    return " ".join(_origin(each) for each in text.split())


def _scope(text: str) -> str:
    if "openid" not in text.split():
        raise ValueError("openid is not among them, without which the provider does not say who signed in")
    return text


def _resource(text: str) -> str:
    if not urlsplit(text).scheme or "#" in text:
        raise ValueError("it is no URI, or it has a fragment")
    return text


Url = Annotated[str, AfterValidator(check_service_url)]


class ConsoleSettings(ServiceSettings, KeyHeaderSettings):
    """The settings of one console. Several can run side by side: they share nothing but settings."""

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
    local_people: Annotated[Path | None, file_validator(read_people)] = Field(
        None, description="a local stack's own file of sample people; only a local stack has one"
    )
    oidc_issuer: Annotated[str, AfterValidator(_issuer)] | None = Field(
        None, validate_default=True, description="the OpenID provider's issuer, an https:// address"
    )
    oidc_client_id: str | None = Field(
        None, validate_default=True, description="what the provider calls this console"
    )
    oidc_client_secret: SecretStr | None = Field(
        None, description="what the console shows the provider; none for a public client"
    )
    oidc_scope: Annotated[str, AfterValidator(_scope)] = Field(
        "openid", description="scopes to ask the provider for, openid among them, with spaces between"
    )
    oidc_resource: Annotated[str, AfterValidator(_resource)] | None = Field(
        None, description="the resource (RFC 8707) for which access tokens are asked, a URI; none unless set"
    )
    oidc_audience: str | None = Field(
        None, description="the audience for which access tokens are asked, where the provider takes that"
    )
    frame_ancestors: Annotated[str, AfterValidator(_frame_ancestors)] = Field(
        "",
        description="the origins whose pages may embed this one, such as https://app.example.com, "
        "with spaces between; none unless set",
    )
    session_max_s: int = Field(
        8 * 3600, ge=60, le=7 * 86_400, description="how long a session lasts: 60 to 604800 seconds"
    )
    session_idle_s: int = Field(
        1800, ge=60, le=86_400, description="how long a session lasts unused: 60 to 86400 seconds"
    )

    @field_validator("local_people")
    @classmethod
    def _is_on_a_local_stack(cls, path: Path | None, info: ValidationInfo) -> Path | None:
        hosts = info.data.get("http_host"), urlsplit(info.data.get("console_url", "")).hostname
        if path is not None and not all(is_loopback(host) for host in hosts):
            raise ValueError("it lets anybody in, and this console is not for this machine alone")
        return path

    @field_validator("oidc_issuer")
    @classmethod
    def _is_the_one_way_to_sign_in(cls, issuer: str | None, info: ValidationInfo) -> str | None:
        people = info.data.get("local_people", info)  # if that one is wrong, this one cannot be checked
        if issuer is None and people is None:
            raise ValueError("it is not set, and it is how people sign in")
        if issuer is not None and isinstance(people, Path):
            raise ValueError("KEYFOLD_LOCAL_PEOPLE is set too")
        return issuer

    @field_validator("oidc_client_id")
    @classmethod
    def _is_said_to_the_provider(cls, client_id: str | None, info: ValidationInfo) -> str | None:
        if client_id is None and info.data.get("oidc_issuer") is not None:
            raise ValueError("it is not set, and the provider asks for it")
        return client_id
