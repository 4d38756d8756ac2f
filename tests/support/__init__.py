"""What tests of several kinds share: clocks, worlds, builders, servers. It knows none of the kinds."""
