"""What is measured, by the name that a command line gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager

from tests.bench.contest import Contest
from tests.bench.ground import Ground
from tests.bench.pairs import (
    activity,
    append,
    arrival,
    authorize,
    export,
    ingest,
    journal,
    latency,
    page,
    replay,
    revoke,
    scale,
    ship,
    size,
    verify,
)

Pair = Callable[[Ground], AbstractAsyncContextManager[Sequence[Contest]]]

PAIRS: Mapping[str, Pair] = {
    "authorize": authorize.contests,
    "latency": latency.contests,
    "revoke": revoke.contests,
    "scale": scale.contests,
    "append": append.contests,
    "size": size.contests,
    "ingest": ingest.contests,
    "arrival": arrival.contests,
    "export": export.contests,
    "activity": activity.contests,
    "page": page.contests,
    "journal": journal.contests,
    "ship": ship.contests,
    "replay": replay.contests,
    "verify": verify.contests,
}
