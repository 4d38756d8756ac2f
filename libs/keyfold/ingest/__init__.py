"""From a topic of Kafka into a sink: taken at least once, written exactly once.

A sink keeps, with the records, the next offset of each partition. A writer names the offset that it expects,
and is fenced if the offset has moved: then another process has the partition. Records that cannot be written
are set aside as dead letters, and records that Kafka deleted before they were written are logged as an error.
"""
