"""Headers by which software behind a gateway can be told what a request is, in every spelling."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support.gateways.wire import Pairs

SPOOFED: Final = "spoofed"
# With any of these an API, or what stands before it, may mean a hyphen, or may not look at all.
_MARKS: Final = "_.~$"


@dataclass(frozen=True, slots=True)
class Claim:
    """A header, what an API changes by it, and where that is documented."""

    name: str
    changes: str
    source: str

    @property
    def spellings(self) -> list[str]:
        """Return the names that some software may take for this one, itself first."""
        hyphened = self.name.replace("_", "-")
        spelt = [self.name, self.name.upper(), *(hyphened.replace("-", mark) for mark in _MARKS)]
        return list(dict.fromkeys([*spelt, hyphened, hyphened.replace("-", "_", 1)]))


def _claims() -> Iterator[Claim]:
    lines = Path(__file__).with_name("claims.tsv").read_text().splitlines()
    for row in csv.DictReader((line for line in lines if not line.startswith("#")), delimiter="\t"):
        yield Claim(row["name"], row["changes"], row["source"])


# The gatekeeper denies these: whoever sends one honestly learns that it is not obeyed.
_DENIED: Final = {"x-http-method-override", "x-http-method", "x-method-override", "x-rewrite-url"}
CLAIMS: Final = tuple(_claims())
REMOVED: Final = tuple(claim for claim in CLAIMS if claim.name.lower() not in _DENIED)
DENIED: Final = tuple(claim for claim in CLAIMS if claim.name.lower() in _DENIED)


def spoofed(claims: Iterable[Claim]) -> list[tuple[str, str]]:
    """Return headers that make these claims, in every spelling; each names itself in its value."""
    return [(spelt, f"{SPOOFED} {spelt}") for claim in claims for spelt in claim.spellings]


_PLAUSIBLE: Final = {
    "path": "/v1/patient",
    "method": "DELETE",
    "host": "evil.example",
    "scheme": "https",
    "client": "203.0.113.9",
    "identity": "alice",
}


def plausible(claims: Iterable[Claim]) -> list[tuple[str, str]]:
    """Return headers that make these claims, with underscores too, and with plausible values."""
    return [
        (spelt, _PLAUSIBLE[claim.changes])
        for claim in claims
        for spelt in {claim.name, claim.name.replace("-", "_")}
    ]


def batches(headers: Pairs, size: int = 40) -> Iterator[list[tuple[str, str]]]:
    """Yield the headers in requests that are not too long for any gateway."""
    pairs = list(headers)
    for start in range(0, len(pairs), size):
        yield pairs[start : start + size]
