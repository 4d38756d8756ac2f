"""The domain beside its naive model: every outcome and every decision is held against what the model says."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from hypothesis.stateful import RuleBasedStateMachine, rule

from keyfold.domain.access.decision import AccessRequest, Credential, decide_access
from keyfold.domain.access.route_map_text import parse_route_map
from keyfold.domain.ids import KeyId, StreamId
from keyfold.domain.lifecycle.deadlines import due_at
from keyfold.domain.lifecycle.fold import Aggregate, LifecycleEvent, evolve, stream_of
from keyfold.domain.lifecycle.history import HistoryEntry, describe
from keyfold.domain.lifecycle.state import State
from keyfold.domain.lifecycle.subscriber_key import SubscriberKey
from keyfold.domain.lifecycle.vendor import Vendor
from keyfold.domain.lifecycle.vendor_key import VendorKey
from keyfold.domain.refusal import Refusal
from tests.support.property.choices import NOTES, STEPS
from tests.support.property.model import Model, Outcome

START = datetime(2026, 3, 1, tzinfo=UTC)
ROUTES = parse_route_map("/v1/patient/** patient\n/v1/files/** files\n")
Decided = Sequence[LifecycleEvent] | Refusal
Presented = tuple[KeyId, int]


def digest_of(secret: int) -> bytes:
    """Return the digest that a made-up secret goes by: it shows in a text if it gets there."""
    return b"\xde\xad\xbe\xef" + secret.to_bytes(28)


class Commanded(RuleBasedStateMachine):
    """What has come of the commands so far, and when it is. `secrets` has each key's, newest last."""

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.state = State()
        self.streams: dict[StreamId, Aggregate] = {}
        self.history: list[LifecycleEvent] = []
        self.secrets: dict[KeyId, list[int]] = {}
        self.clock = START

    @rule(step=STEPS)
    def wait(self, step: timedelta) -> None:
        self.clock += step

    def new_secret(self, key_id: KeyId) -> int:
        """Make up a secret for a key, which no key has had."""
        secret = 1 + sum(map(len, self.secrets.values()))
        self.secrets.setdefault(key_id, []).append(secret)
        return secret

    def past_secret(self, key_id: KeyId, age: int) -> int:
        """Return the secret that was made up for a key so many before the last, or one of no key."""
        made = self.secrets.get(key_id, [])
        return made[-1 - age] if age < len(made) else 0

    def take(self, outcome: Decided, expected: Outcome) -> None:
        """Hold an outcome against the model's, and fold its events."""
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
            _check_entry(describe(before, event, self.streams[stream]))

    def take_time(
        self,
        at: datetime,
        find: Callable[[], SubscriberKey | VendorKey | Vendor | None],
        decide: Callable[[], Decided],
        expected: Outcome,
    ) -> None:
        """Take what time has brought about: all that was due and no more, and nothing a second time."""
        before = find()
        outcome = decide()
        due = None if before is None else due_at(before)
        if not isinstance(outcome, Refusal):
            assert bool(outcome) == (due is not None and due <= at)
        self.take(outcome, expected)
        after = find()
        if after is not None and not isinstance(outcome, Refusal):
            due = due_at(after)
            assert due is None or due > at
            assert decide() == ()

    def ask(self, vendor_key: Presented, key: Presented, client_ip: str | None, verb: str, path: str) -> None:
        """Hold a decision of now against the model's, and what it is attributed to."""
        request = AccessRequest(
            vendor_key=Credential(vendor_key[0], digest_of(vendor_key[1])),
            subscriber_key=Credential(key[0], digest_of(key[1])),
            method=verb,
            target=path,
            client_ip=client_ip,
        )
        decision = decide_access(request, self.state, ROUTES, self.clock, lease_held=True)
        assert decision.reason == self.model.reason(vendor_key, key, client_ip, verb, path, self.clock)
        assert (decision.vendor_key_id, decision.key_id) == self.model.names(vendor_key, key, self.clock)


def _check_entry(entry: HistoryEntry) -> None:
    text = repr(entry)
    assert entry.summary
    assert NOTES not in text
    assert "deadbeef" not in text
    assert "\\xde" not in text
