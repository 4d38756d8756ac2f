"""Try a request: what the answer would be, in words, with what to change and who can."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup, escape

from keyfold.console import reasons, words
from keyfold.console.owner.terms.form import Faults
from keyfold.console.owner.terms.wording import name_vendor
from keyfold.console.upstream.failures import JsonObject
from keyfold.console.web.view import Visit

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
_BY: Final = {
    "owner": "You",
    "caller": "Whoever sends the request",
    "vendor": reasons.VENDOR,
    "reviewer": reasons.REVIEWER,
    "operator": reasons.OPERATOR,
}
_FIELDS: Final = {
    "vendor_id": "try-vendor",
    "method": "try-method",
    "path": "try-path",
    "client_ip": "try-address",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RemedyText:
    """What would have to change, and who can."""

    change: Markup
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialAnswer:
    """The answer to a tried request: `said` is why not, `asked` what it asks for."""

    passes: bool
    said: str
    asked: str
    remedies: Sequence[RemedyText]


@dataclass(frozen=True, slots=True, kw_only=True)
class TryForm:
    """What to try: a method and a path, or without a path a category and an access."""

    vendor_id: str
    method: str
    path: str
    category: str
    access: str
    address: str

    @classmethod
    def read(cls, fields: Mapping[str, str]) -> TryForm:
        """Return the form that a browser sent."""
        return cls(
            vendor_id=fields.get("try-vendor", ""),
            method=fields.get("try-method", "GET"),
            path=fields.get("try-path", "").strip(),
            category=fields.get("try-category", "patient"),
            access=fields.get("try-access", "read"),
            address=fields.get("try-address", "").strip(),
        )

    def question(self, key_id: str) -> JsonObject:
        """Return the question for a gatekeeper."""
        asked = (
            {"method": self.method, "path": self.path}
            if self.path
            else {"category": self.category, "access": self.access}
        )
        where = {"client_ip": self.address} if self.address else {}
        return {"subscriber_key_id": key_id, "vendor_id": self.vendor_id, **asked, **where}

    def faults(self) -> Faults:
        """Return what is wrong with it before asking."""
        return {} if self.vendor_id else {"try-vendor": "Choose an integration."}


async def answer_of(visit: Visit, form: TryForm, names: Mapping[str, str]) -> TrialAnswer:
    """Return a gatekeeper's answer. Raises ServiceFailed."""
    decided = await visit.services.ask("gatekeeper", "/v1/decide", form.question(visit.path["key_id"]))
    return answer(decided, names)


def answer(decided: JsonObject, names: Mapping[str, str]) -> TrialAnswer:
    """Return a dry run's answer in words."""
    return TrialAnswer(
        passes=decided["decision"] == "allow",
        said="" if decided["reason"] is None else f"{reasons.refusal(decided['reason']).means}.",
        asked=_asked(decided),
        remedies=[_remedy(each, decided, names) for each in decided["changes"]],
    )


def _asked(decided: JsonObject) -> str:
    if decided.get("public"):
        return "Anybody may send this: it needs no key."
    if decided["category"] is None:
        return ""
    verb = {"read": "reads", "write": "changes"}.get(decided["access"] or "", "")
    return f"It {verb} {words.data(decided['category'])}." if verb else ""


def faults_of(wrongs: Sequence[tuple[str, str]]) -> Faults:
    """Return what the gatekeeper found wrong, by the form's field."""
    return {
        _FIELDS.get(pointer.strip("/"), ""): f"{detail[:1].upper()}{detail[1:].rstrip('.')}."
        for pointer, detail in wrongs
    }


def _remedy(change: JsonObject, decided: JsonObject, names: Mapping[str, str]) -> RemedyText:
    by: str = _BY.get(str(change["by"]), str(change["by"]))
    return RemedyText(change=_change(change, decided, names), by=f"{by[:1].upper()}{by[1:]}")


def _change(change: JsonObject, decided: JsonObject, names: Mapping[str, str]) -> Markup:
    """Return a change that the owner can make in this page's words, any other in the gatekeeper's."""
    match change["check"]:
        case "category_denied" | "read_only":
            access = words.access(decided["access"])
            return Markup("Give the key {} for {}.").format(access, words.category(decided["category"]))
        case "vendor_not_permitted":
            return Markup("Let {} use the key.").format(name_vendor(decided["vendor_id"] or "", names))
        case "subscriber_key_expired":
            return Markup("Give the key a later end, or none.")
        case "subscriber_key_revoked":
            return Markup("Add another key: this one is revoked, for ever.")
        case "integrations_disabled":
            return Markup("Turn API integrations on.")
        case "network_not_allowed" if change["by"] == "caller":
            return Markup("Say which address it comes from: the key works from some networks alone.")
        case _:
            return escape(change["change"])
