"""The parts of commands: few values of each kind, so that they meet, and the times around each limit."""

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from keyfold.domain.ids import AccountId, KeyId, VendorId
from keyfold.domain.permissions import Access, Category

HOUR, DAY, MOMENT = timedelta(hours=1), timedelta(days=1), timedelta(microseconds=1)
NO_TIME = timedelta(0)
NOTES = "notes that no owner reads"
ACCOUNT_IDS = AccountId("acc_1"), AccountId("acc_2")
VENDOR_IDS = VendorId("ven_1"), VendorId("ven_2")
VENDOR_KEY_IDS = KeyId("key_v1"), KeyId("key_v2")
KEY_IDS = KeyId("key_s1"), KeyId("key_s2"), KeyId("key_s3")

# The first of each is the likelier, so that several commands are about the same thing.
ACCOUNTS = st.sampled_from([ACCOUNT_IDS[0], ACCOUNT_IDS[0], ACCOUNT_IDS[0], *ACCOUNT_IDS])
VENDORS = st.sampled_from([VENDOR_IDS[0], VENDOR_IDS[0], VENDOR_IDS[0], *VENDOR_IDS])
VENDOR_KEYS = st.sampled_from([VENDOR_KEY_IDS[0], VENDOR_KEY_IDS[0], *VENDOR_KEY_IDS])
KEYS = st.sampled_from([KEY_IDS[0], KEY_IDS[0], KEY_IDS[0], *KEY_IDS])
PEOPLE = st.sampled_from(["rita", "rita", "rita", "dana", "dora"])
PASSES = st.sampled_from([True, True, True, False])

STEPS = st.sampled_from([MOMENT, HOUR, DAY, 3 * DAY, 14 * DAY, 40 * DAY, 335 * DAY])
BEHIND = st.sampled_from([NO_TIME] * 6 + [MOMENT, HOUR, 60 * DAY])
"""How far the clock that decides a command is behind the latest one."""

OVERLAPS = st.sampled_from([NO_TIME, MOMENT, DAY, 3 * DAY, 7 * DAY])
LIVES = st.none() | st.sampled_from([-DAY, NO_TIME, MOMENT, 3 * DAY, 14 * DAY, 17 * DAY, 28 * DAY])
"""How long a key lives: one of 17 days is reminded of after 3 and after 14, which are steps of time."""

NAMES = st.sampled_from(["n", "m"])
WORDS = st.dictionaries(
    st.sampled_from([Category.PATIENT, Category.FILES]), st.sampled_from(Access), max_size=2
)
VENDOR_LISTS = st.none() | st.sampled_from([(), VENDOR_IDS[:1], VENDOR_IDS])
NETWORKS = st.none() | st.sampled_from([(), ("203.0.113.0/24",), ("203.0.113.0/24", "2001:db8::/32")])
LIMITS = st.none() | st.sampled_from(["5/60:5", "5/60:9", "1/86400:1"])
MADE: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"name": NAMES, "words": WORDS, "vendors": VENDOR_LISTS, "networks": NETWORKS, "limit": LIMITS}
)
EDITS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "name": NAMES,
        "words": WORDS,
        "vendors": VENDOR_LISTS,
        "networks": NETWORKS,
        "limit": LIMITS,
        "life": LIVES,
    },
)
_SAID: dict[str, st.SearchStrategy[Any]] = {
    "name": NAMES,
    "contact_email": st.sampled_from(["e", "f"]),
    "website": st.sampled_from(["w", "x"]),
    "intended_use": st.sampled_from(["u", "v"]),
    "categories": st.sampled_from([(Category.PATIENT,), (Category.FILES, Category.PATIENT)]),
}
SAID: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(_SAID)
AMENDED: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries({}, optional=_SAID)
