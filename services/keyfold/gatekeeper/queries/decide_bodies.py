"""The question of a dry run, and its answer."""

from ipaddress import IPv6Address, ip_address
from typing import Annotated, Final, Literal, Self, TypeAlias

from pydantic import AfterValidator, ConfigDict, Field, GetCoreSchemaHandler, JsonValue, model_validator
from pydantic_core import CoreSchema, core_schema

from keyfold.domain.access.decision import Reason
from keyfold.domain.access.find_remedy import Outcome
from keyfold.domain.access.remedy import Mender
from keyfold.domain.permissions import Category
from keyfold.runtime.http import GivenInstant, Instant, JsonBody

QUESTIONS_MAX: Final = 1000
BATCH_BYTES_MAX: Final = 512 * 1024
_PATH_CHARACTERS_MAX: Final = 8192
_ADDRESS_CHARACTERS_MAX: Final = 45

Id: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,40}$")]
Method: TypeAlias = Annotated[str, Field(pattern=r"^[A-Z][A-Z_-]{0,31}$")]
Path: TypeAlias = Annotated[
    str, Field(max_length=_PATH_CHARACTERS_MAX, json_schema_extra={"pattern": r"^[^\x00]*$"})
]


def _check_address(text: str) -> str:
    try:
        address = ip_address(text)
    except ValueError:
        raise ValueError("it is no address such as 203.0.113.7 or 2001:db8::7") from None
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        raise ValueError("a zone means nothing on another machine; write the plain address")
    return str(address)


Address: TypeAlias = Annotated[
    str,
    Field(
        max_length=_ADDRESS_CHARACTERS_MAX,
        json_schema_extra={"anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]},
    ),
    AfterValidator(_check_address),
]


def _require(*names: str) -> dict[str, JsonValue]:
    given: dict[str, JsonValue] = {name: {"type": "string"} for name in names}
    left_out: dict[str, JsonValue] = {name: {"type": "null"} for name in _INSTEAD_OF[names]}
    return {"required": list(names), "properties": {**given, **left_out}}


_INSTEAD_OF: Final[dict[tuple[str, ...], tuple[str, ...]]] = {
    ("vendor_key_id",): ("vendor_id",),
    ("vendor_id",): ("vendor_key_id",),
    ("method", "path"): ("category", "access"),
    ("category", "access"): ("method", "path"),
}
_EITHER_WAY: Final[list[JsonValue]] = [
    {"oneOf": [_require("vendor_key_id"), _require("vendor_id")]},
    {"oneOf": [_require("method", "path"), _require("category", "access")]},
]


class DecideQuestion(JsonBody):
    """May this subscriber key, used by that vendor, do this? `vendor_id` stands for any key of the vendor.

    What time decides, and nothing else, is judged as of `at`: now, where it is left out.
    """

    model_config = ConfigDict(json_schema_extra={"allOf": _EITHER_WAY})

    subscriber_key_id: Id
    vendor_key_id: Id | None = None
    vendor_id: Id | None = None
    method: Method | None = None
    path: Path | None = None
    category: Category | None = None
    access: Literal["read", "write"] | None = None
    client_ip: Address | None = None
    at: GivenInstant | None = None

    @model_validator(mode="after")
    def _either_way(self) -> Self:
        if (self.vendor_key_id is None) == (self.vendor_id is None):
            raise ValueError('give either "vendor_key_id" or "vendor_id"')
        by_path = (self.method is not None, self.path is not None)
        by_category = (self.category is not None, self.access is not None)
        if sorted([by_path, by_category]) != [(False, False), (True, True)]:
            raise ValueError('give either "method" and "path", or "category" and "access"')
        return self


class CheckView(JsonBody):
    """One check, named by the reason that it gives where it fails."""

    check: Reason
    outcome: Outcome


class ChangeView(JsonBody):
    """What would have to change for a check to pass, and who can change it."""

    check: Reason
    change: str
    by: Mender


class DryRun(JsonBody):
    """The decision that a request of these keys would get at `position`, with every check in its order.

    `status` is what a gateway would be answered with. `changes` together are what an allow would take. On a
    public route nothing is checked.
    """

    decision: Literal["allow", "deny"]
    reason: Reason | None
    status: int
    account_id: str | None
    subscriber_key_id: str
    vendor_id: str | None
    category: Category | None
    access: Literal["read", "write"] | None
    public: bool
    position: int
    at: Instant
    checks: list[CheckView]
    changes: list[ChangeView]


class RefusedQuestion(JsonBody):
    """A question of a batch that is not answered; the problem is the one that it would get alone."""

    problem: dict[str, object]


class _ReadLater:
    """Described as a question but taken unread: each is read by itself, so that a bad one fails alone."""

    def __get_pydantic_core_schema__(self, _source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        question = handler.generate_schema(DecideQuestion)
        described = {"pydantic_js_functions": [lambda _schema, describe: describe(question)]}
        return core_schema.any_schema(metadata=described)


class DecideQuestions(JsonBody):
    """Up to 1,000 questions, each as it would be asked alone. A bad one does not fail the others."""

    questions: Annotated[list[Annotated[bytes, _ReadLater()]], Field(min_length=1, max_length=QUESTIONS_MAX)]


class DryRuns(JsonBody):
    """An answer to each question, in the order in which they were asked."""

    items: list[DryRun | RefusedQuestion]
