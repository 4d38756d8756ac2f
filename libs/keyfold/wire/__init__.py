"""Values as bytes: codecs, topics, records, the format of keys."""
