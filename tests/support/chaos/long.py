"""Whether the fault tests run their full length, or only as long as is good every day."""

from __future__ import annotations

import os
from typing import Final

IS_LONG: Final = bool(os.environ.get("KEYFOLD_FAULTS"))
