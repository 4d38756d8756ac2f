"""The journal: numbered decisions, in segments on disk, each written before its answer leaves."""
