"""The record of a local stack's sample practice, vendor and keys, so that every start shows the same."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Final

import orjson

from keyfold.local.state import read_json, write_private

FILE_NAME: Final = "sample.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What the first start made. The two secrets work only for this stack's own sample API."""

    account_id: str
    account_name: str
    vendor_id: str
    vendor_name: str
    vendor_key_id: str
    vendor_secret: str
    key_id: str
    key_name: str
    key_secret: str

    def __repr__(self) -> str:
        return f"Sample({self.account_id}, {self.vendor_id}, {self.key_id})"


def load_sample(state_dir: Path) -> Sample | None:
    """Return the sample of an earlier start, None if none was completed or its file is damaged."""
    kept = read_json(state_dir / FILE_NAME)
    names = [field.name for field in fields(Sample)]
    if not isinstance(kept, dict) or not all(isinstance(kept.get(name), str) for name in names):
        return None
    return Sample(**{name: kept[name] for name in names})


def save_sample(state_dir: Path, sample: Sample) -> None:
    """Save the sample, readable by the user alone, and never half written."""
    write_private(state_dir / FILE_NAME, orjson.dumps(asdict(sample)))
