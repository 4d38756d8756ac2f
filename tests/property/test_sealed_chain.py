"""Readers believe exactly the ledger, whatever else is on the topic."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from keyfold.domain.lifecycle.signatures.seal_key import AdoptSealKey, SealKeyAdopted, decide
from keyfold.wire.events.chain import GENESIS, ChainedRow, Head, Row, hash_row
from keyfold.wire.events.codec import encode_event
from keyfold.wire.proof.seal import SealSigner
from keyfold.wire.proof.sealed_chain import Forged, SealedChain, Unfollowable
from tests.support.seals import NEXT_KEY, SIGNER, TRUSTED
from tests.support.wire.given import row_at

MALLORY = SealSigner(Ed25519PrivateKey.from_private_bytes(bytes(32)))
NEXT = SealSigner(NEXT_KEY)


@dataclass(frozen=True, slots=True)
class Topic:
    """The ledger's rows, and all records on its topic in their order."""

    ledger: Sequence[ChainedRow]
    records: Sequence[ChainedRow]


def adopt(signer: SealSigner, previous: bytes) -> SealKeyAdopted:
    """Return the event that makes another key the one in force."""
    (adopted,) = decide(AdoptSealKey(in_force=previous, prover=signer), None)  # type: ignore[misc]
    return adopted


def adoption(position: int, event: SealKeyAdopted) -> Row:
    """Return the row of such an event."""
    name, data = encode_event(event)
    return replace(row_at(position), stream="seal-key", type=name, data=data)


def chain(rows: Sequence[Row], sealed: Sequence[SealSigner | None], head: Head = GENESIS) -> list[ChainedRow]:
    """Return rows that follow a head, each with the seal of the one named for it."""
    links = []
    for row, signer in zip(rows, sealed, strict=True):
        head = Head(position=row.position, hash=hash_row(head.hash, row))
        links.append(ChainedRow(row, head.hash, None if signer is None else signer.seal(head)))
    return links


@st.composite
def topics(draw: st.DrawFn) -> Topic:
    """Draw a ledger of several batches, and its topic: with repeats, and with what somebody made up."""
    length = draw(st.integers(1, 12))
    rotates_at = draw(st.none() | st.integers(1, length))
    rows, signers = [], list[SealSigner | None]()
    for position in range(1, length + 1):
        is_last = position == length or draw(st.booleans())
        in_force = NEXT if rotates_at is not None and position > rotates_at else SIGNER
        if position == rotates_at:
            rows.append(adoption(position, adopt(NEXT, SIGNER.public_key)))
        else:
            rows.append(row_at(position))
        signers.append(in_force if is_last or position == rotates_at else None)
    ledger = chain(rows, signers)
    records: list[ChainedRow] = []
    for place, link in enumerate(ledger):
        records += draw(forgeries(ledger[:place], link))
        records.append(link)
        repeats = draw(st.integers(0, place + 1))
        records += ledger[place + 1 - repeats : place + 1]
    return Topic(ledger, records + draw(forgeries(ledger, ledger[-1])))


def forgeries(before: Sequence[ChainedRow], true: ChainedRow) -> st.SearchStrategy[list[ChainedRow]]:
    """Draw what somebody who has read everything up to a row could put before it."""
    head = before[-1].head if before else GENESIS
    other = replace(true.row, position=head.position + 1, actor_subject="mallory")
    (unsealed,) = chain([other], [None], head)
    (own,) = chain([other], [MALLORY], head)
    ahead = chain([other, replace(other, position=head.position + 2)], [None, MALLORY], head)
    adopted = adoption(head.position + 1, adopt(MALLORY, SIGNER.public_key))
    begun = chain([adopted], [MALLORY], head)
    one = st.sampled_from(
        [
            [unsealed],
            [own],
            ahead,
            begun,
            [true._replace(row=other)],
            [unsealed._replace(seal=before[-1].seal if before else bytes(64))],
            [true._replace(seal=None)],
        ]
    )
    return st.lists(one, max_size=3).map(lambda lists: [link for links in lists for link in links])


@given(topics())
def test_exactly_the_ledger_is_believed(topic: Topic) -> None:
    """All of it, each row once and in order, and no row that somebody made up, whoever is in force."""
    reader = SealedChain[None](GENESIS, TRUSTED)
    believed = []
    for link in topic.records:
        with suppress(Forged):
            believed += [each.link.head for each in reader.take(link, None)[0]]
    assert believed == [link.head for link in topic.ledger]
    assert reader.gap is None


@given(topics(), st.data())
def test_it_does_not_matter_how_much_is_read_at_once(topic: Topic, data: st.DataObject) -> None:
    """Portions of any size come to the same, though of each only the newest good seal is verified."""
    reader = SealedChain[None](GENESIS, TRUSTED)
    believed, left = [], list(topic.records)
    while left:
        size = data.draw(st.integers(1, len(left)))
        portion, left = left[:size], left[size:]
        believed += reader.take_all([(link, None) for link in portion])[0]
    assert [each.link.head for each in believed] == [link.head for link in topic.ledger]
    assert reader.gap is None


@given(topics(), st.data())
def test_reading_on_from_anywhere_believes_the_rest(topic: Topic, data: st.DataObject) -> None:
    """A reader that starts at any head that it has believed, with the key in force there, goes on so."""
    whole = SealedChain[None](GENESIS, TRUSTED)
    believed = []
    for link in topic.records:
        with suppress(Forged):
            believed += whole.take(link, None)[0]
    start = data.draw(st.sampled_from(believed))
    reader = SealedChain[None](start.link.head, TRUSTED, start.seal_key)
    after = []
    for link in topic.records:
        with suppress(Forged):
            after += reader.take(link, None)[0]
    assert after == believed[believed.index(start) + 1 :]


def test_what_was_put_in_an_events_place_is_named() -> None:
    """A row that waits for its seal is given back as forged once another is sealed in its place."""
    reader = SealedChain[str](GENESIS, TRUSTED)
    (forged,) = chain([replace(row_at(1), actor_subject="mallory")], [None])
    assert reader.take(forged, "forged") == ([], [])
    believed, named = reader.take(chain([row_at(1)], [SIGNER])[0], "true")
    assert ([each.source for each in believed], named) == (["true"], ["forged"])
    assert reader.unsealed == 0


def test_rows_that_wait_are_bounded() -> None:
    """However many rows somebody makes up, a reader keeps only so many, and still finds the true ones."""
    reader = SealedChain[int](GENESIS, TRUSTED, unsealed_max=10)
    for number in range(100):
        (forged,) = chain([replace(row_at(1), actor_subject=f"mallory-{number}")], [None])
        reader.take(forged, number)
        assert reader.unsealed <= 10
    for link in chain([row_at(1), row_at(2), row_at(3)], [None, None, SIGNER]):
        reader.take(link, 0)
    assert reader.head.position == 3


def test_rows_that_wait_are_bounded_in_bytes() -> None:
    """A few rows of a megabyte each are as many as very many small ones."""
    reader = SealedChain[int](GENESIS, TRUSTED, unsealed_bytes_max=100_000)
    for number in range(20):
        forged = replace(row_at(1), actor_subject=f"mallory-{number}", data='"' + "x" * 30_000 + '"')
        reader.take(chain([forged], [None])[0], number)
        assert reader.unsealed <= 3


@pytest.mark.parametrize("siblings", [10, 33, 200])
def test_what_gave_way_or_was_hidden_is_found_when_it_comes_again(siblings: int) -> None:
    """Forged rows between the ledger's own leave a gap at most, and publishing those again fills it."""
    reader = SealedChain[int](GENESIS, TRUSTED, unsealed_max=100)
    ledger = chain([row_at(1), row_at(2), row_at(3)], [None, None, SIGNER])
    reader.take(ledger[0], 0)
    for number in range(siblings):
        (forged,) = chain([replace(row_at(1), actor_subject=f"mallory-{number}")], [None])
        reader.take(forged, number)
    for again in range(2):
        with suppress(Forged):
            for link in ledger[1 - min(again, 1) :]:
                reader.take(link, 0)
    assert reader.head == ledger[-1].head
    assert (reader.unsealed, reader.gap) == (0, None)


def test_what_follows_a_forged_row_goes_with_it() -> None:
    """A long chain that somebody made up is forgotten as soon as another row is sealed in its place."""
    reader = SealedChain[int](GENESIS, TRUSTED)
    made_up = [replace(row_at(position), actor_subject="mallory") for position in range(1, 50)]
    for link in chain(made_up, [None] * 49):
        reader.take(link, link.row.position)
    _, forged = reader.take(chain([row_at(1)], [SIGNER])[0], 0)
    assert (len(forged), reader.unsealed, reader.oldest) == (49, 0, None)


@pytest.mark.parametrize("proof", [bytes(64), adopt(NEXT, MALLORY.public_key).proof])
def test_a_key_that_did_not_sign_takes_nothing_over(proof: bytes) -> None:
    """Both keys sign a rotation: a stolen key in force alone cannot name another's key as the next."""
    adopted = replace(adopt(NEXT, SIGNER.public_key), proof=proof)
    reader = SealedChain[None](GENESIS, TRUSTED, SIGNER.public_key)
    with pytest.raises(Unfollowable):
        reader.take(chain([adoption(1, adopted)], [SIGNER])[0], None)


def test_seals_begin_once() -> None:
    """A first seal after others, as when all were taken out of a database, counts nothing."""
    reader = SealedChain[None](GENESIS, TRUSTED)
    first, second = chain([row_at(1), row_at(2)], [SIGNER, None])
    reader.take(first, None)
    anew = second._replace(seal=SIGNER.seal(second.head, is_first=True))
    with pytest.raises(Unfollowable):
        reader.take(anew, None)


def test_a_ledger_of_before_is_sealed_as_it_stands() -> None:
    """The first seal covers whatever came before there were seals."""
    links = chain([row_at(1), row_at(2), row_at(3)], [None] * 3)
    links[2] = links[2]._replace(seal=SIGNER.seal(links[2].head, is_first=True))
    reader = SealedChain[None](GENESIS, TRUSTED)
    for link in links:
        reader.take(link, None)
    assert (reader.head.position, reader.seal_key) == (3, SIGNER.public_key)


def test_without_seals_only_while_an_operator_upgrades() -> None:
    """Rows count without a seal where an operator says so, and not after the first seal."""
    links = chain([row_at(1), row_at(2), row_at(3), row_at(4)], [None] * 4)
    links[2] = links[2]._replace(seal=SIGNER.seal(links[2].head, is_first=True))
    reader = SealedChain[None](GENESIS, TRUSTED, accepts_unsealed=True)
    counted = [len(reader.take(link, None)[0]) for link in links]
    assert counted == [1, 1, 1, 0]
