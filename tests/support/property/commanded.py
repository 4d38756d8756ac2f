"""The domain beside its naive model: every outcome and every decision is compared with the model's."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from hypothesis.stateful import RuleBasedStateMachine, rule

from keyfold.domain.access.decision import PUBLIC, AccessRequest, decide_access
from keyfold.domain.access.key_proof import Credential
from keyfold.domain.access.route_map_text import parse_route_map
from keyfold.domain.ids import KeyId, StreamId, vendor_stream
from keyfold.domain.lifecycle.deadlines import due_at
from keyfold.domain.lifecycle.fold import Aggregate, LifecycleEvent, evolve, stream_of
from keyfold.domain.lifecycle.history import HistoryEntry, describe
from keyfold.domain.lifecycle.state import State
from keyfold.domain.lifecycle.subscriber_key import ActiveSubscriberKey, SubscriberKey
from keyfold.domain.lifecycle.vendor import Vendor, VendorApplied, VendorReapplied
from keyfold.domain.lifecycle.vendor_key import VendorKey
from keyfold.domain.refusal import Refusal
from keyfold.registry.commands.handler import Command, Decided, handle, read_set_of, subject_of
from keyfold.store.ledger.read_set import AccountKeys, Applications, ReadSet, ReadSetValues, Versioned
from keyfold.wire.events.chain import GENESIS
from tests.support.property.choices import NOTES, STEPS
from tests.support.property.model import Model
from tests.support.property.plain_keys import Outcome

START = datetime(2026, 3, 1, tzinfo=UTC)
ROUTES = parse_route_map("/v1/patient/** patient\n/v1/files/** files\nGET /v2/x public\n")
PUBLIC_REQUEST = "GET", "/v2/x"
Presented = tuple[KeyId, int]


def digest_of(secret: int) -> bytes:
    """Return the digest of a made-up secret, which is recognised in a text if it gets there."""
    return b"\xde\xad\xbe\xef" + secret.to_bytes(28)


class Commanded(RuleBasedStateMachine):
    """The result of the commands so far, and the time. `secrets` has each key's, newest last."""

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.state = State()
        self.streams: dict[StreamId, Aggregate] = {}
        self.history: list[LifecycleEvent] = []
        self.applications: list[VendorApplied | VendorReapplied] = []
        self.secrets: dict[KeyId, list[int]] = {}
        self.clock = START

    @rule(step=STEPS)
    def wait(self, step: timedelta) -> None:
        self.clock += step

    def new_secret(self, key_id: KeyId) -> int:
        """Make up a secret for a key that no key has had."""
        secret = 1 + sum(map(len, self.secrets.values()))
        self.secrets.setdefault(key_id, []).append(secret)
        return secret

    def rotate(
        self,
        command: Callable[..., Command],
        expected: Callable[..., Outcome],
        key_id: KeyId,
        overlap: timedelta,
        behind: timedelta,
    ) -> None:
        """Give a key another secret, by a command and a model that know already whose key it is."""
        secret, at = self.new_secret(key_id), self.clock - behind
        rotation = command(key_id=key_id, digest=digest_of(secret), secret_hint="h", overlap=overlap)
        self.run(rotation, expected(key_id, secret, at, overlap), at)

    def past_secret(self, key_id: KeyId, age: int) -> int:
        """Return the secret made up for a key that many before the last, or one of no key."""
        made = self.secrets.get(key_id, [])
        return made[-1 - age] if age < len(made) else 0

    def run(self, command: Command, expected: Outcome, at: datetime | None = None) -> None:
        """Compare a command's outcome with the model's, and fold its events; by default it happens now."""
        self._take(self._handle(command, self.clock if at is None else at), expected)

    def pass_time(self, command: Command, expected: Outcome, at: datetime) -> None:
        """Apply what time has brought about: all that was due, no more, and nothing twice."""
        subject = subject_of(command)
        due = _due_at(self.streams.get(subject))
        outcome = self._handle(command, at)
        if not isinstance(outcome, Refusal):
            assert bool(outcome) == (due is not None and due <= at)
        self._take(outcome, expected)
        if not isinstance(outcome, Refusal):
            due = _due_at(self.streams.get(subject))
            assert due is None or due > at
            assert self._handle(command, at) == ()

    def _handle(self, command: Command, at: datetime) -> Decided:
        """Decide a command on its read set alone."""
        return handle(command, self._look(read_set_of(command)), at)

    def _look(self, read_set: ReadSet) -> ReadSetValues:
        live = Counter(
            each.account_id for each in self.streams.values() if isinstance(each, ActiveSubscriberKey)
        )
        applied = {
            applicant: frozenset(each.vendor_id for each in self.applications if each.applicant == applicant)
            for applicant in read_set.applicants
        }
        streams = {*read_set.streams, *(vendor_stream(each) for ids in applied.values() for each in ids)}
        return ReadSetValues(
            streams={each: Versioned(aggregate=self.streams.get(each), version=0) for each in streams},
            account_keys={
                each: AccountKeys(live=live[each], created_position=0) for each in read_set.accounts
            },
            applications={
                each: Applications(vendor_ids=ids, applied_position=0) for each, ids in applied.items()
            },
            answers={},
            head=GENESIS,
            recorded_at=START,
        )

    def _take(self, outcome: Decided, expected: Outcome) -> None:
        if isinstance(outcome, Refusal):
            assert outcome.code == expected
            return
        assert [type(event).__name__ for event in outcome] == expected
        for event in outcome:
            stream = stream_of(event)
            before = self.streams.get(stream)
            self.streams[stream] = evolve(before, event)
            self.state.fold(event)
            self.history.append(event)
            if isinstance(event, VendorApplied | VendorReapplied):
                self.applications.append(event)
            _check_entry(describe(before, event, self.streams[stream]))

    def ask(self, vendor_key: Presented, key: Presented, client_ip: str | None, verb: str, path: str) -> None:
        """Compare a present decision, and what it is attributed to, with the model's."""
        request = AccessRequest(
            vendor_key=Credential(vendor_key[0], digest_of(vendor_key[1])),
            subscriber_key=Credential(key[0], digest_of(key[1])),
            method=verb,
            target=path,
            client_ip=client_ip,
        )
        decision = decide_access(request, self.state, ROUTES, self.clock, lease_held=True)
        if (verb, path) == PUBLIC_REQUEST:
            assert decision is PUBLIC
            return
        assert decision.reason == self.model.reason(vendor_key, key, client_ip, verb, path, self.clock)
        assert (decision.vendor_key_id, decision.key_id) == self.model.names(vendor_key, key, self.clock)


def _due_at(aggregate: Aggregate | None) -> datetime | None:
    if not isinstance(aggregate, SubscriberKey | VendorKey | Vendor):
        return None
    return due_at(aggregate)


def _check_entry(entry: HistoryEntry) -> None:
    text = repr(entry)
    assert entry.summary
    assert NOTES not in text
    assert "deadbeef" not in text
    assert "\\xde" not in text
