"""How many examples the property tests try: the same ones every time, so that a red build is red for all."""

from hypothesis import settings

settings.register_profile("keyfold", max_examples=100, deadline=None, derandomize=True, database=None)
settings.load_profile("keyfold")
