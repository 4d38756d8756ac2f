"""A contest: ours against the bare thing underneath it, side by side in the same run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

Figures = Mapping[str, float]
"""The result of one go of a side, by the name of the figure."""
Go = Callable[[], Awaitable[Figures]]


class CannotRun(Exception):
    """Something that a pair needs is not on this machine; the pair is left out, and the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A figure that both sides give: its name ends in its unit."""

    name: str
    more_is_better: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two: its name in a few words, and a function that runs it once."""

    what: str
    go: Go


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """Two sides that do the same work, or ours alone if nothing bare does it."""

    name: str
    figures: Sequence[Figure]
    ours: Side
    bare: Side | None

    @property
    def sides(self) -> tuple[Side, ...]:
        """The sides that run, ours first."""
        return (self.ours,) if self.bare is None else (self.ours, self.bare)


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure's values over all rounds."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The median: half of the rounds gave more, half less."""
        return median(self.values)

    @property
    def least(self) -> float:
        """The smallest value."""
        return min(self.values)

    @property
    def most(self) -> float:
        """The largest value."""
        return max(self.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One figure of a contest over all rounds, round by round in the same order on both sides."""

    contest: Contest
    figure: Figure
    ours: Spread
    bare: Spread | None

    @property
    def ratio(self) -> Spread | None:
        """Ours divided by bare, of each round by itself: a slow moment of the machine slows both."""
        if self.bare is None:
            return None
        return Spread(
            tuple(ours / bare for ours, bare in zip(self.ours.values, self.bare.values, strict=True))
        )


async def hold(contest: Contest, rounds: int) -> tuple[Result, ...]:
    """Run a contest: one go of each side to warm up, then rounds in which the sides take turns to begin."""
    for side in contest.sides:
        await side.go()
    gone: tuple[list[Figures], ...] = tuple([] for _ in contest.sides)
    for number in range(rounds):
        turns = list(zip(contest.sides, gone, strict=True))
        for side, figures in turns if number % 2 == 0 else reversed(turns):
            figures.append(await side.go())
    return tuple(_result(contest, figure, gone) for figure in contest.figures)


def _result(contest: Contest, figure: Figure, gone: Sequence[Sequence[Figures]]) -> Result:
    ours, *bare = (Spread(tuple(figures[figure.name] for figures in rounds)) for rounds in gone)
    return Result(contest=contest, figure=figure, ours=ours, bare=bare[0] if bare else None)
