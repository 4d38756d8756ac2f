"""The shipper: sends the journals of a host's gatekeepers to Kafka, and deletes what has arrived."""
