"""The sample people of a local stack: anybody on this machine can sign in to its pages as one of them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import orjson

from keyfold.local.sample.record import Sample
from keyfold.local.signing import AUDIENCE, ISSUER, KEY_ID, LocalSigner
from keyfold.local.state import write_private

FILE_NAME: Final = "people.json"


class LocalPeopleFile:
    """The file with them, which the stack's console reads."""

    def __init__(self, state_dir: Path) -> None:
        self.path = state_dir / FILE_NAME
        self._signing_key = LocalSigner(state_dir).key_path

    def prepare(self, sample: Sample | None = None) -> None:
        """Write the file: with nobody before there is a sample, as an owner needs an account."""
        people = [] if sample is None else _people(sample)
        content = {
            "issuer": ISSUER,
            "audience": AUDIENCE,
            "key_id": KEY_ID,
            "signing_key": str(self._signing_key),
            "people": people,
        }
        write_private(self.path, orjson.dumps(content))


def _people(sample: Sample) -> list[dict[str, object]]:
    claims = {
        "practice owner": {"role": "owner", "account_id": sample.account_id},
        "vendor": {"role": "vendor", "vendor_id": sample.vendor_id},
        "reviewer": {"role": "reviewer"},
        "operator": {"role": "operator"},
    }
    return [{"name": name, "claims": {"sub": f"sample {name}", **each}} for name, each in claims.items()]
