"""Whether the faults' tests take as long as they need, or as little as every day allows."""

from __future__ import annotations

import os
from typing import Final

IS_LONG: Final = bool(os.environ.get("KEYFOLD_FAULTS"))
