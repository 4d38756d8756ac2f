"""The key that signs checkpoints and the file that keeps them, as far as the environment names them."""

from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from keyfold.registry.commands.execution import Commands
from keyfold.registry.ledger.heads_file import CheckpointFile
from keyfold.registry.ledger.heads_filing import CheckpointFiling
from keyfold.registry.ledger.signing import DailyCheckpoints
from keyfold.registry.settings import RegistrySettings
from keyfold.runtime.clock import Clock
from keyfold.runtime.failure import StopProcess
from keyfold.store.ledger.reading import LedgerReader
from keyfold.store.ledger.signed_heads import Checkpoints
from keyfold.store.postgres.connection import Pool
from keyfold.store.postgres.leadership import LeaderLock, Leadership
from keyfold.wire.proof.signed_head import BadSigningKey, load_private_key

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointMeans:
    """The key that signs, and the file that is kept; without either, that is not done."""

    key: Ed25519PrivateKey | None = None
    filing: CheckpointFiling | None = None

    @classmethod
    def of(cls, settings: RegistrySettings, pool: Pool) -> "CheckpointMeans":
        """Return what the settings name. Raises StopProcess."""
        if settings.checkpoint_key is None:
            log.warning("checkpoints_off", reason="KEYFOLD_CHECKPOINT_KEY is not set")
        path = settings.checkpoint_file
        return cls(
            key=None if settings.checkpoint_key is None else _read_key(settings.checkpoint_key),
            filing=None if path is None else CheckpointFiling(Checkpoints(pool), CheckpointFile(path)),
        )

    def tasks(
        self, dsn: str, ledger: LedgerReader, pool: Pool, commands: Commands, clock: Clock
    ) -> Iterator[tuple[str, Coroutine[object, object, None]]]:
        """Yield what has to run for as long as the process does, by name."""
        if self.filing is not None:
            yield "checkpoints file", self.filing.run()
        if self.key is not None:
            daily = DailyCheckpoints(
                ledger=ledger,
                commands=commands,
                checkpoints=Checkpoints(pool),
                key=self.key,
                filing=self.filing,
                clock=clock,
            )
            yield "checkpoints", Leadership(dsn, LeaderLock.CHECKPOINTS).run(daily.run)


NO_CHECKPOINT_MEANS = CheckpointMeans()


def _read_key(path: Path) -> Ed25519PrivateKey:
    try:
        return load_private_key(path.read_bytes())
    except (OSError, BadSigningKey) as fault:
        raise StopProcess(f"KEYFOLD_CHECKPOINT_KEY cannot be used: {path}: {fault}") from fault
