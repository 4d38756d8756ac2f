"""What a run says of itself in its journal, signed: its beginning, its policies, its end."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final, Protocol

from keyfold.gatekeeper.journal.writer import Journal
from keyfold.runtime.clock import Clock
from keyfold.runtime.failure import StopProcess, TryLater
from keyfold.wire.access.run_record import POLICY_BYTES_MAX, RunSigner
from keyfold.wire.journal.line import journal_line


class AnnouncedPolicy(Protocol):
    """A policy as it is announced: its content, and the SHA-256 of that, hexadecimal."""

    @property
    def text(self) -> str:
        """What decisions depend on, without a secret."""
        ...

    @property
    def digest(self) -> str:
        """The SHA-256 of the text, hexadecimal."""
        ...


class PolicyNotAnnounced(TryLater):
    """The journal did not take a policy, so nothing may be decided by it."""


class Announcements:
    """Numbers the policies of one run, each content once, and journals each before its first answer."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self._signer: Final = RunSigner(journal.run_id)
        self._numbers: dict[str, int] = {}

    @property
    def public_key(self) -> bytes:
        """The run's Ed25519 public key, 32 bytes; the private one is nowhere but in this process."""
        return self._signer.public_key

    def open(self, policy: AnnouncedPolicy, *, version: str, host: str) -> None:
        """Journal record 0, with the policy as number 1. Raises StopProcess or OSError."""
        _check_size(policy)
        opened = self._signer.opened(
            event_id=self._clock.new_event_id(),
            at=self._clock.now(),
            version=version,
            host=host,
            policy_digest=policy.digest,
            policy_text=policy.text,
        )
        self._journal.append_unnumbered(journal_line(opened))
        self._numbers[policy.digest] = 1

    async def announce(self, policy: AnnouncedPolicy) -> int:
        """Return the policy's number, journalled by now. Raises StopProcess or PolicyNotAnnounced."""
        if (known := self._numbers.get(policy.digest)) is not None:
            return known
        _check_size(policy)
        number = len(self._numbers) + 1
        said = self._signer.policy(
            event_id=self._clock.new_event_id(),
            seq=self._journal.next_seq,
            at=self._clock.now(),
            number=number,
            policy_digest=policy.digest,
            policy_text=policy.text,
        )
        if not self._journal.append([journal_line(said)]):
            raise PolicyNotAnnounced(f"the journal did not take the policy: {self._journal.fault}")
        self._numbers[policy.digest] = number
        return number

    def end(self) -> None:
        """Journal that nothing follows; if it cannot be, the run ends as if the process had been killed."""
        ended = self._signer.ended(
            event_id=self._clock.new_event_id(), seq=self._journal.next_seq - 1, at=self._clock.now()
        )
        with suppress(OSError):
            self._journal.append_unnumbered(journal_line(ended))


@asynccontextmanager
async def open_run(
    journal: Journal, policy: AnnouncedPolicy, clock: Clock, *, version: str, host: str
) -> AsyncIterator[Announcements]:
    """Yield the announcements of a run that is opened in its journal. Raises StopProcess if it cannot be."""
    announcements = Announcements(journal, clock)
    try:
        announcements.open(policy, version=version, host=host)
    except OSError as fault:
        raise StopProcess(f"the run cannot be opened in its journal: {fault}") from fault
    try:
        yield announcements
    finally:
        announcements.end()


def _check_size(policy: AnnouncedPolicy) -> None:
    if (size_bytes := len(policy.text.encode())) > POLICY_BYTES_MAX:
        raise StopProcess(
            f"the route map and the gateways come to {size_bytes} bytes, more than {POLICY_BYTES_MAX}"
        )
