"""The shipper: carries the journals of a host's gatekeepers to Kafka, and takes away what has arrived."""
