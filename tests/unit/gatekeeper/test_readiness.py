"""What readiness says about the state."""

from keyfold.domain.lifecycle.state import State
from keyfold.gatekeeper.readiness import state_trouble
from keyfold.gatekeeper.replica.state import Replica
from keyfold.store.read_model.snapshots import LoadProgress
from tests.support.ledger_builder import START


def test_nothing_is_known_before_the_load_begins() -> None:
    """Until the number of keys is known, it says that nothing is loaded."""
    assert state_trouble(Replica()) == "the state is not loaded yet"


def test_a_load_under_way_says_how_far_it_is() -> None:
    """It says how many of the keys are loaded, in readable digits."""
    replica = Replica()
    replica.note_progress(LoadProgress(keys=430_000, of_keys=1_000_000))
    assert state_trouble(replica) == "the state is not loaded yet: 430,000 of 1,000,000 keys"


def test_a_state_that_is_loaded_lacks_nothing() -> None:
    """Once there is a state, readiness has no complaint about it."""
    replica = Replica()
    replica.note_progress(LoadProgress(keys=1, of_keys=1))
    replica.load(State(), 1, START)
    assert state_trouble(replica) is None
