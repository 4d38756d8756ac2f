"""Kafka's failures, each named for what the caller must do about it.

    KafkaFailure
     ├── Unavailable          nothing happened: try again later
     ├── OutcomeUnknown       it may have been written: send it again with the same event ids
     ├── RecordsRejected      the broker will never take these records: dead-letter them or stop
     ├── KafkaMisconfigured   an operator must change something first: stop
     ├── RecordsUnreadable    what was fetched cannot be decoded: read around it, and say so
     ├── RecordsGone          retention deleted records that were not read yet: stop and raise an alarm
     └── Stalled              the client is alive but receives nothing: exit, for a fresh start

Every aiokafka error is translated here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from gzip import BadGzipFile

from aiokafka import errors as driver

from keyfold.runtime.failure import StopProcess, TryLater


class KafkaFailure(Exception):
    """Kafka could not do what was asked."""


class Unavailable(KafkaFailure, TryLater):
    """Kafka did not answer in time, and nothing was written. Try again later."""


class OutcomeUnknown(KafkaFailure):
    """Kafka may or may not have written the records. Send them again with the same event ids."""


class RecordsRejected(KafkaFailure):
    """Kafka refuses these records, and always will, for their size or form. Dead-letter them or stop."""


class KafkaMisconfigured(KafkaFailure, StopProcess):
    """A topic, a partition or a permission is missing. Stop until an operator has changed that."""


class RecordsUnreadable(KafkaFailure):
    """A batch cannot be decoded, and never will be. Read around it, and say so."""


class RecordsGone(KafkaFailure, StopProcess):
    """Kafka has deleted the records to be read next. Stop and raise an alarm: they were never read."""

    def __init__(self, *, topic: str, partition: int, wanted: int) -> None:
        super().__init__(f"{topic}[{partition}] no longer has offset {wanted}")
        self.topic = topic
        self.partition = partition
        self.wanted = wanted


class Stalled(KafkaFailure, StopProcess):
    """A reader makes no progress although there is something to read, even with a new consumer. Exit."""


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
    driver.SaslAuthenticationFailed,
    driver.UnsupportedSaslMechanismError,
    driver.UnsupportedVersionError,
    driver.IncompatibleBrokerVersion,
)


@contextmanager
def translate_decode_errors() -> Iterator[None]:
    """Translate what the driver raises when it decodes what it has fetched; let its other errors pass."""
    try:
        yield
    except (driver.CorruptRecordException, driver.RecordTooLargeError, driver.UnsupportedCodecError) as error:
        raise RecordsUnreadable(type(error).__name__) from error
    except (driver.KafkaError, TimeoutError):
        raise
    except Exception as error:
        # Of names that are no UTF-8, of numbers too long, of each codec: there is no list of them.
        if isinstance(error, OSError) and not isinstance(error, BadGzipFile):
            raise
        raise RecordsUnreadable(type(error).__name__) from error


@contextmanager
def translate_read_errors() -> Iterator[None]:
    """Translate the driver's errors around a call that writes nothing."""
    try:
        yield
    except driver.OffsetOutOfRangeError as error:
        raise _records_gone(error) from error
    except driver.KafkaError as error:
        raise _classify(error) or Unavailable(_describe(error)) from error
    except (TimeoutError, OSError) as error:
        raise Unavailable(_describe_silence(error)) from error


@contextmanager
def translate_write_errors() -> Iterator[None]:
    """Translate the driver's errors around a call that may have written something."""
    try:
        yield
    except driver.KafkaError as error:
        raise _classify(error) or OutcomeUnknown(_describe(error)) from error
    except (TimeoutError, OSError) as error:
        raise OutcomeUnknown(_describe_silence(error)) from error


def _classify(error: driver.KafkaError) -> KafkaFailure | None:
    if isinstance(error, _REJECTIONS):
        return RecordsRejected(_describe(error))
    if isinstance(error, _MISCONFIGURATIONS):
        return KafkaMisconfigured(_describe(error))
    return None


def _records_gone(error: driver.OffsetOutOfRangeError) -> RecordsGone:
    at, wanted = next(iter(error.args[0].items()))
    return RecordsGone(topic=at.topic, partition=at.partition, wanted=wanted)


def _describe_silence(error: Exception) -> str:
    return f"no answer from Kafka ({_describe(error) if str(error) else type(error).__name__})"


def _describe(error: Exception) -> str:
    name, text = type(error).__name__, str(error)
    return text if text.startswith(name) else f"{name}: {text}"  # the driver's own begin with their names
