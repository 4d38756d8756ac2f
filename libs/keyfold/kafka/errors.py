"""What Kafka can do to a caller, each named for what the caller must do about it.

    KafkaFailure
     ├── Unavailable      nothing happened: try again later
     ├── OutcomeUnknown   it may have been written: send it again with the same event ids
     ├── Rejected         the broker will never take this record: dead-letter it or stop
     ├── Misconfigured    an operator must change something first: stop
     ├── RecordsGone      retention took records that were not read yet: stop and raise an alarm
     └── Stalled          the client is alive but deaf: exit, so that the process starts afresh

Every aiokafka error is translated here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from aiokafka import errors as driver

from keyfold.runtime.failure import StopProcess, TryLater


class KafkaFailure(Exception):
    """Kafka could not do what was asked."""


class Unavailable(KafkaFailure, TryLater):
    """Kafka did not answer in time, and nothing was written. Try again later."""


class OutcomeUnknown(KafkaFailure):
    """Kafka may or may not have written the records. Send them again with the same event ids."""


class RecordsRejected(KafkaFailure):
    """Kafka refuses these records and always will, for their size or their form. Dead-letter them or stop."""


class KafkaMisconfigured(KafkaFailure, StopProcess):
    """A topic, a partition or a permission is missing. Stop until an operator has changed that."""


class RecordsGone(KafkaFailure, StopProcess):
    """Kafka no longer has the records that come next. Stop and raise an alarm: they were never read."""

    def __init__(self, *, topic: str, partition: int, wanted: int) -> None:
        super().__init__(f"{topic}[{partition}] no longer has offset {wanted}")
        self.topic = topic
        self.partition = partition
        self.wanted = wanted


class Stalled(KafkaFailure, StopProcess):
    """A reader makes no progress though there is something to read, even after it was made anew. Exit."""


_REJECTIONS = (
    driver.MessageSizeTooLargeError,
    driver.InvalidMessageError,
    driver.CorruptRecordException,
    driver.RecordListTooLargeError,
)
_MISCONFIGURATIONS = (
    driver.UnknownTopicOrPartitionError,
    driver.InvalidTopicError,
    driver.TopicAuthorizationFailedError,
    driver.GroupAuthorizationFailedError,
    driver.ClusterAuthorizationFailedError,
    driver.AuthenticationFailedError,
    driver.UnsupportedVersionError,
    driver.IncompatibleBrokerVersion,
    driver.RecordTooLargeError,
)


@contextmanager
def reading() -> Iterator[None]:
    """Translate the driver's errors around a call that writes nothing."""
    try:
        yield
    except driver.OffsetOutOfRangeError as error:
        raise _gone(error) from error
    except driver.KafkaError as error:
        raise _settled(error) or Unavailable(_told(error)) from error
    except (TimeoutError, OSError) as error:
        raise Unavailable(_no_answer(error)) from error


@contextmanager
def writing() -> Iterator[None]:
    """Translate the driver's errors around a call that may have written something."""
    try:
        yield
    except driver.KafkaError as error:
        raise _settled(error) or OutcomeUnknown(_told(error)) from error
    except (TimeoutError, OSError) as error:
        raise OutcomeUnknown(_no_answer(error)) from error


def _settled(error: driver.KafkaError) -> KafkaFailure | None:
    if isinstance(error, _REJECTIONS):
        return RecordsRejected(_told(error))
    if isinstance(error, _MISCONFIGURATIONS):
        return KafkaMisconfigured(_told(error))
    return None


def _gone(error: driver.OffsetOutOfRangeError) -> RecordsGone:
    at, wanted = next(iter(error.args[0].items()))
    return RecordsGone(topic=at.topic, partition=at.partition, wanted=wanted)


def _no_answer(error: Exception) -> str:
    return f"no answer from Kafka ({_told(error) if str(error) else type(error).__name__})"


def _told(error: Exception) -> str:
    name, said = type(error).__name__, str(error)
    return said if said.startswith(name) else f"{name}: {said}"  # the driver's own begin with their names
