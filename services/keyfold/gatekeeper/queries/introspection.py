"""Token introspection (RFC 7662): whether two keys work, for gateways that know OAuth 2."""

from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field, JsonValue, RootModel

from keyfold.domain.access.introspection import WorkingKeys, introspect
from keyfold.domain.permissions import CATEGORIES, Access, Permissions
from keyfold.gatekeeper import metrics
from keyfold.gatekeeper.authz.policy_in_force import PolicyInForce
from keyfold.gatekeeper.gateways import TOKEN_HEADER
from keyfold.gatekeeper.queries.decide_bodies import Address
from keyfold.gatekeeper.replica.lease import Lease
from keyfold.gatekeeper.replica.state import Replica
from keyfold.runtime.auth.caller import Role
from keyfold.runtime.clock import Clock
from keyfold.runtime.http import (
    Answer,
    AnyRoute,
    Body,
    CredentialOr,
    JsonBody,
    Problem,
    Refused,
    Reply,
    Request,
    Roles,
    Route,
)
from keyfold.runtime.http.connection import recognise_tenant
from keyfold.runtime.http.problem import of_status
from keyfold.runtime.http.reading.form import MEDIA_TYPE
from keyfold.wire.keys.format import KeyKind, read_key

_TOKEN_CHARACTERS_MAX: Final = 1024
_NO_NUL: Final[dict[str, JsonValue]] = {"pattern": r"^[^\x00]*$"}
_TOKEN_TYPE: Final = "Keyfold"  # noqa: S105 - the scheme of the Authorization header that carries both keys
_STALE: Final = Problem(
    status=503,
    slug="stale",
    detail="it cannot be told for certain whether keys still work; try again shortly",
    headers={"Retry-After": "1"},
)
_NO_GATEWAY: Final = of_status(
    401, f"{TOKEN_HEADER} is no gateway's token", {"WWW-Authenticate": "Keyfold-Gateway"}
)


class IntrospectionForm(JsonBody):
    """Both keys as one token, `VENDOR_KEY/SUBSCRIBER_KEY`, and the client's address where it is known.

    A key that works from some networks alone is inactive without an address. Other parameters are ignored.
    """

    model_config = ConfigDict(json_schema_extra={"additionalProperties": True})

    token: Annotated[
        str,
        Field(min_length=1, max_length=_TOKEN_CHARACTERS_MAX, json_schema_extra=_NO_NUL, repr=False),
    ]
    token_type_hint: Annotated[str, Field(max_length=_TOKEN_CHARACTERS_MAX, json_schema_extra=_NO_NUL)] = ""
    client_ip: Address = Field(default_factory=str)


class Inactive(JsonBody):
    """The keys do not work; nothing else is said about them."""

    active: Literal[False]


class Active(JsonBody):
    """What the keys are good for: `sub` is the account, `client_id` the vendor, `jti` the subscriber key.

    `scope` names each category that is granted with its access; `write` includes `read`. Without `exp` the
    keys work until that is changed.
    """

    active: Literal[True]
    scope: str
    sub: str
    client_id: str
    jti: str
    token_type: Literal["Keyfold"]
    exp: int | None = None


class Introspection(RootModel[Active | Inactive]):
    """What a resource server learns about a token."""


class IntrospectionRoutes:
    """Answers gateways that ask about keys rather than about requests."""

    def __init__(self, in_force: PolicyInForce, replica: Replica, lease: Lease, clock: Clock) -> None:
        self._in_force = in_force
        self._replica = replica
        self._lease = lease
        self._clock = clock

    def routes(self) -> tuple[AnyRoute, ...]:
        """Return the route of introspection."""
        return (
            Route(
                method="POST",
                path="/v1/introspect",
                handler=self.introspect,
                rule=CredentialOr(TOKEN_HEADER, Roles(frozenset({Role.GATEWAY}))),
                summary="Whether two keys work, and for what (RFC 7662). Leaves no access event.",
                body=IntrospectionForm,
                body_kind=Body(media_type=MEDIA_TYPE),
                answer=Introspection,
                refusals=(503,),
                only_asks=True,
            ),
        )

    async def introspect(self, request: Request[IntrospectionForm, None]) -> Reply:
        """Answer `POST /v1/introspect`."""
        if request.identity is None:
            gateway = self._in_force.policy.gateways.find(request.headers.getall(TOKEN_HEADER, []))
            if gateway is None:
                metrics.INTROSPECTIONS.labels("refused").inc()
                return _NO_GATEWAY
            recognise_tenant(request.raw, gateway.name)
        found = self._introspect(request.body)
        metrics.INTROSPECTIONS.labels("inactive" if found is None else "active").inc()
        return Answer(body={"active": False} if found is None else _claims(found))

    def _introspect(self, form: IntrospectionForm) -> WorkingKeys | None:
        state = self._replica.state
        # Without a lease a revocation may be missing. To call working keys inactive would be wrong too: a
        # gateway may remember that.
        if state is None or not self._lease.is_held(self._clock.monotonic_s()):
            raise Refused(_STALE)
        vendor, slash, subscriber = form.token.partition("/")
        if not slash:
            return None
        return introspect(
            read_key(KeyKind.VENDOR, vendor),
            read_key(KeyKind.SUBSCRIBER, subscriber),
            state,
            form.client_ip or None,
            self._clock.now(),
        )


def _claims(keys: WorkingKeys) -> dict[str, object]:
    claims: dict[str, object] = {
        "active": True,
        "scope": scope_of(keys.permissions),
        "sub": keys.account_id,
        "client_id": keys.vendor_id,
        "jti": keys.key_id,
        "token_type": _TOKEN_TYPE,
    }
    # Whole seconds, rounded down, so that no gateway relies on a key after it has stopped.
    return claims if keys.ends_at is None else {**claims, "exp": int(keys.ends_at.timestamp())}


def scope_of(permissions: Permissions) -> str:
    """Return permissions as a scope (RFC 6749, section 3.3), such as `appointment:read patient:write`."""
    granted = [(category, permissions[category]) for category in CATEGORIES]
    return " ".join(f"{category}:{access.word}" for category, access in granted if access is not Access.NONE)
