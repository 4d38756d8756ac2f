"""How the driver's errors are translated."""

from __future__ import annotations

import pytest
from aiokafka import TopicPartition
from aiokafka import errors as driver

from keyfold.kafka.errors import (
    KafkaFailure,
    KafkaMisconfigured,
    OutcomeUnknown,
    RecordsGone,
    RecordsRejected,
    Unavailable,
    translate_read_errors,
    translate_write_errors,
)

EITHER_WAY = [
    (driver.MessageSizeTooLargeError(), RecordsRejected),
    (driver.UnknownTopicOrPartitionError(), KafkaMisconfigured),
    (driver.TopicAuthorizationFailedError("t"), KafkaMisconfigured),
]
IN_DOUBT = [
    driver.OutOfOrderSequenceNumber(),
    driver.KafkaConnectionError(),
    driver.RequestTimedOutError(),
    driver.ProducerClosed(),
    TimeoutError(),
    ConnectionResetError(),
]


@pytest.mark.parametrize(("error", "failure"), EITHER_WAY)
def test_settled(error: Exception, failure: type[KafkaFailure]) -> None:
    """A permanent refusal of the broker is translated alike for reads and writes."""
    with pytest.raises(failure), translate_read_errors():
        raise error
    with pytest.raises(failure), translate_write_errors():
        raise error


@pytest.mark.parametrize("error", IN_DOUBT)
def test_in_doubt(error: Exception) -> None:
    """Any other error leaves a write's outcome unknown; a read may simply be tried later."""
    with pytest.raises(OutcomeUnknown), translate_write_errors():
        raise error
    with pytest.raises(Unavailable), translate_read_errors():
        raise error


def test_gone() -> None:
    """An offset out of range names the topic, the partition and the offset."""
    with pytest.raises(RecordsGone) as raised, translate_read_errors():
        raise driver.OffsetOutOfRangeError({TopicPartition("t", 3): 42})
    assert (raised.value.topic, raised.value.partition, raised.value.wanted) == ("t", 3, 42)


def test_bugs() -> None:
    """Errors that are not Kafka's pass through unchanged."""
    with pytest.raises(ZeroDivisionError), translate_write_errors():
        raise ZeroDivisionError
