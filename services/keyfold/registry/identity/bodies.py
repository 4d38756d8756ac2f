"""What callers send and get of invitations and logins."""

from typing import Annotated, Final, Self

from pydantic import ConfigDict, Field, JsonValue, model_validator

from keyfold.domain.lengths import INVITATION_MAX_S, INVITATION_MIN_S
from keyfold.domain.lifecycle.identity.invitation import InvitationState
from keyfold.runtime.auth.caller import Role
from keyfold.runtime.http import GivenInstant, Instant, JsonBody, PageQuery, WholeNumber

_DAY_S: Final = 86_400
_ONE_OF_BOTH: Final[list[JsonValue]] = [
    {
        "required": ["account_id"],
        "properties": {"account_id": {"type": "string"}, "vendor_id": {"type": "null"}},
    },
    {
        "required": ["vendor_id"],
        "properties": {"account_id": {"type": "null"}, "vendor_id": {"type": "string"}},
    },
]

TenantId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,40}$")]


class NewInvitation(JsonBody):
    """Whom to invite: another owner of an account, or another login of a vendor; and for how many seconds."""

    model_config = ConfigDict(json_schema_extra={"oneOf": _ONE_OF_BOTH})

    account_id: TenantId | None = None
    vendor_id: TenantId | None = None
    expires_in_s: WholeNumber = Field(7 * _DAY_S, ge=INVITATION_MIN_S, le=INVITATION_MAX_S)

    @model_validator(mode="after")
    def _require_one(self) -> Self:
        if (self.account_id is None) == (self.vendor_id is None):
            raise ValueError('give either "account_id" or "vendor_id"')
        return self


class InvitationQuery(PageQuery):
    """A page of invitations, of all that the caller may see or of one account or vendor."""

    account_id: TenantId | None = None
    vendor_id: TenantId | None = None


class InvitationResource(JsonBody):
    """An invitation, and what it makes of the login that opens it. `used_by` is the login that did."""

    invitation_id: str
    role: Role
    account_id: str | None
    vendor_id: str | None
    state: InvitationState
    made_at: Instant
    expires_at: Instant
    used_by: str | None
    version: int


class InvitationWithCode(JsonBody):
    """A new invitation, and the only time that its code is seen."""

    invitation: InvitationResource
    code: Annotated[str, Field(repr=False)]


class InvitationPage(JsonBody):
    """Invitations, newest first."""

    items: list[InvitationResource]
    next_cursor: str | None


class Code(JsonBody):
    """The code of an invitation, which never stands in an address."""

    code: Annotated[str, Field(min_length=1, max_length=200, repr=False)]


class Welcome(JsonBody):
    """What an invitation would make of the login that opens it; `name` is the account's or the vendor's."""

    role: Role
    account_id: str | None
    vendor_id: str | None
    name: str
    state: InvitationState
    expires_at: Instant


class LoginResource(JsonBody):
    """A login that speaks for an account or a vendor, or that did until `ended_at`; then its names are null.

    `issuer` and `subject` are the `iss` and `sub` of its tokens.
    """

    login_id: str
    role: Role
    account_id: str | None
    vendor_id: str | None
    issuer: str | None
    subject: str | None
    bound_at: Instant | None
    ended_at: Instant | None
    version: int


class LoginPage(JsonBody):
    """Logins, those that were let in last first."""

    items: list[LoginResource]
    next_cursor: str | None


class LinkToSpend(JsonBody):
    """A link, by an id that only it has and that is longer than any other; it is over in two minutes at most.

    An id that is as short as others may be shown where it was put in the place of one.
    """

    link_id: Annotated[str, Field(pattern=r"^[\x21-\x7e]{41,256}$")]
    expires_at: GivenInstant
