"""Values bound to bytes: codecs, topics, records, key format."""
