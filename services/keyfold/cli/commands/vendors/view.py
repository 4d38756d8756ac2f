"""What a person sees of a vendor."""

from __future__ import annotations

from keyfold.cli.screen import Details, state_of, when
from keyfold.client.http import JsonObject


def details_of(vendor: JsonObject) -> Details:
    """Return what is shown of a vendor: as much as the answer has."""
    return Details(
        lines={
            "vendor": vendor["vendor_id"],
            "name": vendor["name"],
            "state": state_of(vendor["state"]),
            **({"because": vendor["reason"]} if vendor.get("reason") else {}),
            "contact": vendor.get("contact_email", "—"),
            "website": vendor["website"],
            "use": vendor["intended_use"],
            "categories": ", ".join(vendor["categories"]),
            **_reviews(vendor),
        },
        item=vendor,
    )


def _reviews(vendor: JsonObject) -> dict[str, str]:
    """Return the latest review of each kind, which is the one that counts."""
    lines = {f"{each['kind']} review": _review(each) for each in vendor.get("reviews", [])}
    lapse = vendor.get("reviews_lapse_at")
    return lines if lapse is None else {**lines, "reviews lapse": when(lapse)}


def _review(review: JsonObject) -> str:
    # Only reviewers are told who reviewed it.
    by = f" by {review['reviewer']}" if "reviewer" in review else ""
    void = "" if review["counts"] else ", of an earlier application"
    return f"{review['verdict']}{by}, {when(review['reviewed_at'])}{void}"
