"""The parts that every service shares: the pure domain, its bytes on the wire, and what runs beneath it."""
