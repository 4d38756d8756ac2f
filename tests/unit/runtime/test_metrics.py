"""Metrics, as Prometheus reads them."""

import pytest

from keyfold.runtime.metrics import SharedExposition, counter, distribution, exposition, tally


def test_a_tally_shows_what_is_counted_elsewhere() -> None:
    """A tally is read when Prometheus asks, with each of its labels' values, and costs nothing before."""
    counts: dict[tuple[str, ...], int] = {("cold",): 1, ("hot",): 2}
    meals = tally("keyfold_test_meals_total", "Meals, by how they were", ("served",))
    meals.read_from(lambda: counts)
    counts["hot",] += 1
    text = exposition().decode()
    assert 'keyfold_test_meals_total{served="cold"} 1.0' in text
    assert 'keyfold_test_meals_total{served="hot"} 3.0' in text
    assert "# TYPE keyfold_test_meals_total counter" in text


def test_a_tally_of_nothing_yet_is_there() -> None:
    """Before anything is counted, a tally has its name and no value, and its name is taken."""
    tally("keyfold_test_naps_total", "Naps")
    assert "# HELP keyfold_test_naps_total Naps" in exposition().decode()
    with pytest.raises(ValueError, match="keyfold_test_naps"):
        counter("keyfold_test_naps_total", "Naps again")


def test_a_distribution_takes_many_values_at_once() -> None:
    """Each value counts in every bucket whose bound it does not exceed, and in the sum."""
    naps = distribution("keyfold_test_nap_seconds", "How long naps are", (0.5, 60))
    naps.add([])
    naps.add([0.1, 0.5, 0.6, 61.0])
    naps.add([7.0])
    text = exposition().decode()
    assert "# TYPE keyfold_test_nap_seconds histogram" in text
    assert 'keyfold_test_nap_seconds_bucket{le="0.5"} 2.0' in text
    assert 'keyfold_test_nap_seconds_bucket{le="60.0"} 4.0' in text
    assert 'keyfold_test_nap_seconds_bucket{le="+Inf"} 5.0' in text
    assert "keyfold_test_nap_seconds_count 5.0" in text
    assert "keyfold_test_nap_seconds_sum 69.2" in text


def test_every_name_is_ours() -> None:
    """A metric without our prefix is refused, so that ours are found together."""
    with pytest.raises(ValueError, match="keyfold_"):
        tally("naps_total", "Naps")


def test_strangers_cannot_keep_a_process_busy_with_its_metrics() -> None:
    """However often the metrics are asked for, they are made in a tenth of the time; seldom, always anew."""
    now_s, made = 0.0, 0

    def make() -> bytes:
        nonlocal now_s, made
        now_s, made = now_s + 0.02, made + 1
        return str(made).encode()

    def monotonic_s() -> float:
        return now_s

    shared = SharedExposition(make)
    answers = []
    while now_s < 100:
        answers.append(shared.read(monotonic_s))
        now_s += 0.001
    assert 0.09 < made * 0.02 / now_s < 0.11
    assert len(answers) > 10 * made
    assert answers == sorted(answers, key=int)
    now_s += 15
    before = made
    assert shared.read(monotonic_s) == str(before + 1).encode()
