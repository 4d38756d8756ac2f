"""From a topic of Kafka into a sink: taken at least once, written exactly once.

A sink keeps, with the records, how far it has written of each partition. Who writes says where it stood, and
is fenced when that has moved: then another process has the partition. What cannot be written is set aside
among the dead letters, and what Kafka has deleted before it was written is said loudly.
"""
