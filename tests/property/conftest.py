"""How many examples the property tests try: the same ones every time, so that a red build is red for all."""

import os
from typing import Final

from hypothesis import settings

EXAMPLES: Final = 1_000 if os.environ.get("KEYFOLD_PROPERTIES") == "long" else 50

settings.register_profile("keyfold", max_examples=EXAMPLES, deadline=None, derandomize=True, database=None)
settings.load_profile("keyfold")
