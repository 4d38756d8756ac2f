"""The registry's route table, and the parts behind it."""

from dataclasses import dataclass
from datetime import timedelta

from libs.runtime.clock import Clock
from libs.runtime.http import AnyRoute
from libs.store.checkpoints import Checkpoints
from libs.store.connection import Pool
from libs.store.enforcement import Enforcement
from libs.store.history import History
from libs.store.ledger import Ledger
from libs.store.logins import SignInLists
from libs.store.read_model import ReadModel
from libs.store.spent_links import SpentLinks
from services.registry.accounts import Accounts
from services.registry.checkpoint_means import NO_CHECKPOINT_MEANS, CheckpointMeans
from services.registry.checkpoints import LedgerCheckpoints
from services.registry.command_headers import with_headers
from services.registry.command_http import CommandsOverHttp, Enforces
from services.registry.commands import Commands
from services.registry.enforcement_views import EnforcementViews
from services.registry.histories import Histories
from services.registry.idempotency import Idempotency
from services.registry.identity.caller import Callers
from services.registry.identity.codes import Codes
from services.registry.identity.invitations import Invitations
from services.registry.identity.links import Links
from services.registry.identity.logins import Logins
from services.registry.key_revocations import Revocations
from services.registry.keys import Keys
from services.registry.ledger_events import LedgerEvents
from services.registry.reads import Reads
from services.registry.unused_permissions import UnusedPermissions
from services.registry.vendor_applications import VendorApplications
from services.registry.vendor_judgement import VendorJudgement
from services.registry.vendor_keys import VendorKeys
from services.registry.vendors import Vendors


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The part of the settings that commands depend on."""

    idempotency_secret: bytes
    account_keys_max: int = 100
    reviews_valid_for: timedelta = timedelta(days=365)


def registry_routes(
    pool: Pool,
    model: ReadModel,
    clock: Clock,
    *,
    commands: Commands,
    enforcement: Enforces,
    policy: Policy,
    checkpoint_means: CheckpointMeans = NO_CHECKPOINT_MEANS,
) -> list[AnyRoute]:
    """Return every route of the registry over one database."""
    ledger = Ledger(pool)
    reads = Reads(pool, ledger, model)
    asked = CommandsOverHttp(commands, Idempotency(policy.idempotency_secret), model, enforcement)
    lists = SignInLists(pool)
    routes: list[AnyRoute] = [
        *Callers().routes(),
        *Accounts(asked, reads, clock).routes(),
        *Keys(asked, reads, clock, account_keys_max=policy.account_keys_max).routes(),
        *Revocations(asked).routes(),
        *UnusedPermissions(pool, reads, clock).routes(),
        *Vendors(reads).routes(),
        *VendorApplications(asked, clock).routes(),
        *VendorJudgement(asked, reviews_valid_for=policy.reviews_valid_for).routes(),
        *VendorKeys(asked, reads, clock).routes(),
        *Invitations(asked, ledger, lists, clock).routes(),
        *Codes(asked, ledger, clock).routes(),
        *Logins(asked, ledger, lists, clock).routes(),
        *Histories(History(pool), reads).routes(),
        *LedgerEvents(ledger).routes(),
        *EnforcementViews(ledger, Enforcement(pool)).routes(),
        *LedgerCheckpoints(asked, ledger, Checkpoints(pool), checkpoint_means).routes(),
    ]
    # A link is spent beside the ledger: no command, and no header of one means anything to it.
    return [*with_headers(routes), *Links(SpentLinks(pool), clock).routes()]
