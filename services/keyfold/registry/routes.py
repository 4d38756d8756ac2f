"""The registry's route table, and the parts behind it."""

from dataclasses import dataclass, field
from datetime import timedelta

from keyfold.registry.accounts.routes import Accounts
from keyfold.registry.commands.execution import Commands
from keyfold.registry.commands.headers import add_headers
from keyfold.registry.commands.http import CommandsOverHttp, Enforces
from keyfold.registry.commands.idempotency import Idempotency
from keyfold.registry.identity.caller import CallerRoutes
from keyfold.registry.identity.codes import Codes
from keyfold.registry.identity.invitations import InvitationRoutes
from keyfold.registry.identity.links import Links
from keyfold.registry.identity.logins import LoginRoutes
from keyfold.registry.keys.revocations import Revocations
from keyfold.registry.keys.routes import Keys
from keyfold.registry.keys.unused_permissions import UnusedPermissions
from keyfold.registry.ledger.enforcement import EnforcementViews
from keyfold.registry.ledger.events import LedgerEvents
from keyfold.registry.ledger.histories import Histories
from keyfold.registry.ledger.seal_keys import SealKeys
from keyfold.registry.ledger.signed_heads_http import LedgerCheckpoints
from keyfold.registry.ledger.signing_means import NO_CHECKPOINT_MEANS, CheckpointMeans
from keyfold.registry.reads import Reads
from keyfold.registry.vendors.applications import VendorApplications
from keyfold.registry.vendors.judgement import VendorJudgements
from keyfold.registry.vendors.keys import VendorKeys
from keyfold.registry.vendors.routes import Vendors
from keyfold.runtime.clock import Clock
from keyfold.runtime.http import AnyRoute
from keyfold.store.enforcement.positions import Enforcement
from keyfold.store.ledger.append import Ledger
from keyfold.store.ledger.history import History
from keyfold.store.ledger.logins import SignInLists
from keyfold.store.ledger.sealing import HeadSealer
from keyfold.store.ledger.signed_heads import Checkpoints
from keyfold.store.ledger.spent_links import SpentLinks
from keyfold.store.postgres.connection import Pool
from keyfold.store.read_model.reader import ReadModel


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandPolicy:
    """The part of the settings that commands depend on."""

    idempotency_secret: bytes = field(repr=False)
    account_keys_max: int = 100
    reviews_valid_for: timedelta = timedelta(days=365)


def registry_routes(
    pool: Pool,
    ledger: Ledger,
    model: ReadModel,
    clock: Clock,
    *,
    commands: Commands,
    sealer: HeadSealer,
    enforcement: Enforces,
    policy: CommandPolicy,
    checkpoint_means: CheckpointMeans = NO_CHECKPOINT_MEANS,
) -> list[AnyRoute]:
    """Return every route of the registry over one database."""
    reads = Reads(pool, ledger, model, clock)
    asked = CommandsOverHttp(commands, Idempotency(policy.idempotency_secret), model, enforcement)
    lists = SignInLists(pool)
    routes: list[AnyRoute] = [
        *CallerRoutes().routes(),
        *Accounts(asked, reads, clock).routes(),
        *Keys(asked, reads, clock, account_keys_max=policy.account_keys_max).routes(),
        *Revocations(asked).routes(),
        *UnusedPermissions(pool, reads, clock).routes(),
        *Vendors(reads).routes(),
        *VendorApplications(asked, clock).routes(),
        *VendorJudgements(asked, reviews_valid_for=policy.reviews_valid_for).routes(),
        *VendorKeys(asked, reads, clock).routes(),
        *InvitationRoutes(asked, ledger, lists, clock).routes(),
        *Codes(asked, ledger, clock).routes(),
        *LoginRoutes(asked, ledger, lists, clock).routes(),
        *Histories(History(pool), reads).routes(),
        *LedgerEvents(ledger).routes(),
        *EnforcementViews(ledger, Enforcement(pool)).routes(),
        *SealKeys(asked, ledger, sealer, clock).routes(),
        *LedgerCheckpoints(asked, ledger, Checkpoints(pool), checkpoint_means).routes(),
    ]
    # To spend a link is no command, so the headers of commands mean nothing to it.
    return [*add_headers(routes), *Links(SpentLinks(pool), clock).routes()]
