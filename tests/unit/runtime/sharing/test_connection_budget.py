"""Which connection gives way to another one."""

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from keyfold.runtime.sharing.connection_budget import ConnectionBudget

PLACES = 16


@dataclass(eq=False)
class Held:
    """A connection that remembers whether it was displaced."""

    used_s: float = 0
    is_busy: bool = False
    is_displaced: bool = False

    def displace(self) -> None:
        """Remember it."""
        assert not self.is_displaced
        self.is_displaced = True


def come(budget: ConnectionBudget, *hosts: str) -> list[Held]:
    """Return a new connection from each of the hosts."""
    came = [Held() for _ in hosts]
    for connection, host in zip(came, hosts, strict=True):
        budget.admit(connection, host)
    return came


def find_displaced(connections: Sequence[Held]) -> list[int]:
    """Return which of the connections were displaced."""
    return [number for number, each in enumerate(connections) if each.is_displaced]


def test_the_host_with_the_most_gives_way() -> None:
    """Of strangers, the one that holds the most loses its oldest; another one's only connection stays."""
    budget = ConnectionBudget("test", PLACES)
    (alone,) = come(budget, "alone")
    crowd = come(budget, *["crowd"] * PLACES)
    newcomers = come(budget, "new", "newer")
    assert find_displaced(crowd) == [0, 1, 2]
    assert not alone.is_displaced and find_displaced(newcomers) == []


def test_of_many_hosts_the_oldest_gives_way() -> None:
    """Where each host has one connection, whoever came first and never showed a token goes first."""
    budget = ConnectionBudget("test", PLACES)
    crowd = come(budget, *map(str, range(PLACES + 3)))
    assert find_displaced(crowd) == [0, 1, 2]


def test_strangers_displace_nobody_who_showed_a_token() -> None:
    """However many strangers come, all at once, who showed a token stays."""
    budget = ConnectionBudget("test", PLACES)
    known = come(budget, *["proxy"] * 14)
    for number, connection in enumerate(known):
        budget.recognise(connection, str(number))
    come(budget, *["crowd"] * 50, *map(str, range(50)))
    assert find_displaced(known) == []


def test_of_tenants_the_one_with_the_most_gives_way() -> None:
    """Too many tokens: the tenant with the most connections loses the one that was of no use for longest."""
    budget = ConnectionBudget("test", PLACES)
    hog = [Held(used_s=100 - number) for number in range(13)]
    hog[12].is_busy = True
    for connection in hog:
        budget.admit(connection, "proxy")
        budget.recognise(connection, "hog")
    for name in ("one", "two", "three"):
        (came,) = come(budget, "proxy")
        budget.recognise(came, name)
        assert not came.is_displaced
    assert find_displaced(hog) == [10, 11]


@given(st.lists(st.tuples(st.sampled_from(["come", "show", "leave"]), st.integers(0, 5), st.integers(0, 30))))
def test_the_bounds_always_hold(steps: list[tuple[str, int, int]]) -> None:
    """Whatever happens: never too many, room for a stranger, and what is displaced was held."""
    budget, every = ConnectionBudget("test", PLACES), list[Held]()
    for step, name, which in steps:
        if step == "come" or not every:
            every += come(budget, str(name))
        elif step == "show":
            budget.recognise(every[which % len(every)], str(name))
        else:
            budget.release(every.pop(which % len(every)))
        held = list(budget)
        assert len(held) == len(budget) <= PLACES
        assert all(not each.is_displaced for each in held if isinstance(each, Held))
