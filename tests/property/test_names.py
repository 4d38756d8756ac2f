"""Any name: it is taken or refused by one rule, and what is taken is kept and shown as it was typed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from keyfold.cli.screen import Details, Listing, Room
from keyfold.cli.screen.layout import lay_out
from keyfold.cli.screen.lines import width_of
from keyfold.domain.ids import AccountId
from keyfold.domain.lifecycle.account import AccountCreated
from keyfold.domain.lifecycle.fold import evolve
from keyfold.domain.lifecycle.history import describe
from keyfold.registry.bodies import NewAccount
from keyfold.runtime.legible import UNSEEN, is_blank
from keyfold.wire.events.codec import decode_event, encode_event
from keyfold.wire.events.upcasting import SCHEMA_VERSION

ACCOUNT = AccountId("acc_0123456789ABCDEFGHIJKLMNOP")
SAID = "2026-01-31 08:09:10Z"
_ODD = st.sampled_from("\u200d\u200c\ufe0f\u202e\u0301\U0001faea\U000e0041\u2028歯👩ی\x1b \n")
TEXTS = st.text(st.characters() | _ODD, min_size=1, max_size=200)
ENCODINGS = st.sampled_from(["utf-8", "latin-1", "ascii", "shift_jis", "cp1252"])


@given(name=TEXTS)
def test_a_name_is_taken_or_refused_by_one_rule(name: str) -> None:
    """What is taken comes back the same from the ledger and in a history, and stands so on a terminal."""
    try:
        body = NewAccount.model_validate({"name": name})
    except ValidationError:
        assert UNSEEN.search(name) or is_blank(name)
        return
    assert not UNSEEN.search(name)
    event = AccountCreated(account_id=ACCOUNT, name=body.name)
    type_name, data = encode_event(event)
    assert decode_event(type_name, SCHEMA_VERSION, data) == event
    (change, _) = describe(None, event, evolve(None, event)).changes
    assert change.after == name
    assert lay_out(Details(lines={"name": name}, item={}), Room(columns=None))[0].plain == f"name  {name}"


@given(name=TEXTS, encoding=ENCODINGS, columns=st.integers(20, 200))
def test_any_text_leaves_what_is_copied_whole(name: str, encoding: str, columns: int) -> None:
    """On a terminal of any width and encoding nothing steers it, and an id and a time are whole."""
    shown = Listing(
        columns=("account", "name", "when"),
        rows=[(ACCOUNT, name, SAID)],
        items=[],
        empty="",
        prose=("name",),
        gives_way=("name",),
    )
    lines = [line.plain for line in lay_out(shown, Room(columns=columns, encoding=encoding))]
    assert sum(ACCOUNT in line for line in lines) == sum(SAID in line for line in lines) == 1
    for line in lines:
        line.encode(encoding)
        assert not UNSEEN.search(line)
        assert width_of(line) <= columns or " " not in line
