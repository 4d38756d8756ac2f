"""The registry's route table, and the parts behind it."""

from libs.runtime.clock import Clock
from libs.runtime.http import AnyRoute
from libs.store.connection import Pool
from libs.store.ledger import Ledger
from libs.store.read_model import ReadModel
from services.registry.accounts import Accounts
from services.registry.commands import Commands
from services.registry.keys import Keys
from services.registry.ledger_events import LedgerEvents
from services.registry.reads import Reads
from services.registry.vendor_keys import VendorKeys
from services.registry.vendors import Vendors


def registry_routes(pool: Pool, model: ReadModel, clock: Clock) -> list[AnyRoute]:
    """Return every route of the registry over one database."""
    ledger = Ledger(pool)
    commands = Commands(ledger, clock)
    reads = Reads(pool, ledger, model)
    return [
        *Accounts(commands, reads, clock).routes(),
        *Keys(commands, reads, clock).routes(),
        *Vendors(commands, reads, clock).routes(),
        *VendorKeys(commands, reads, clock).routes(),
        *LedgerEvents(ledger).routes(),
    ]
