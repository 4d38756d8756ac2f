"""Networks: written in one form, and an address lies in one or in none, whichever way it is spelled."""

import pytest

from keyfold.domain.network import is_within, parse_network


@pytest.mark.parametrize(
    "text",
    [
        "203.0.113.0/24",
        "203.0.113.7/32",
        "0.0.0.0/0",
        "10.0.0.0/8",
        "2001:db8::/32",
        "2001:db8::1/128",
        "::/0",
        "fe80::/10",
        "::1/128",
    ],
)
def test_a_network_in_its_canonical_form_is_read_as_it_is(text: str) -> None:
    """Both families, from everything to a single address."""
    assert str(parse_network(text)) == text


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("203.0.113.7", "203.0.113.7/32"),
        ("2001:db8::1", "2001:db8::1/128"),
        ("2001:DB8:0:0::/32", "2001:db8::/32"),
        ("203.0.113.0/255.255.255.0", "203.0.113.0/24"),
    ],
)
def test_a_network_has_one_text(text: str, canonical: str) -> None:
    """An address alone is the network of that address; spellings of the same are the same."""
    assert str(parse_network(text)) == canonical
    assert parse_network(text) == parse_network(canonical)


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("203.0.113.7/24", "203.0.113.0/24"),
        ("203.0.113.128/24", "203.0.113.0/24"),
        ("10.0.0.1/0", "0.0.0.0/0"),
        ("10.0.0.1/31", "10.0.0.0/31"),
        ("2001:db8::1/32", "2001:db8::/32"),
        ("2001:db8::1/127", "2001:db8::/127"),
    ],
)
def test_bits_beyond_the_prefix_are_refused_with_the_right_network(text: str, network: str) -> None:
    """Whoever wrote an address with a prefix is told which network that would be, and is not guessed at."""
    with pytest.raises(ValueError, match=f"the network is {network}$"):
        parse_network(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "/",
        "/24",
        "203.0.113.0/",
        "203.0.113.0/33",
        "203.0.113.0/-1",
        "203.0.113.0/24/24",
        " 203.0.113.0/24",
        "203.0.113.0/24\n",
        "203.0.113/24",
        "203.0.113.256/32",
        "010.0.0.0/8",
        "2001:db8::/129",
        "2001:db8:::/32",
        "[2001:db8::]/32",
        "localhost",
        "example.com/24",
        "*",
        "1",
    ],
)
def test_what_is_no_network_is_refused_with_an_example(text: str) -> None:
    """The message says what would be right."""
    with pytest.raises(ValueError, match=r"203\.0\.113\.0/24 or 2001:db8::/32"):
        parse_network(text)


@pytest.mark.parametrize(
    "text", ["fe80::%eth0/64", "fe80::1%1", "::ffff:192.0.2.0/120", "::ffff:0:0/96", "::ffff:192.0.2.1"]
)
def test_what_would_never_match_is_refused(text: str) -> None:
    """A zone is an interface of somebody's host, and IPv4 written as IPv6 is IPv4."""
    with pytest.raises(ValueError, match="write the plain network"):
        parse_network(text)


@pytest.mark.parametrize(
    ("address", "network", "is_in"),
    [
        ("203.0.113.0", "203.0.113.0/24", True),
        ("203.0.113.255", "203.0.113.0/24", True),
        ("203.0.112.255", "203.0.113.0/24", False),
        ("203.0.114.0", "203.0.113.0/24", False),
        ("203.0.113.7", "203.0.113.7/32", True),
        ("203.0.113.8", "203.0.113.7/32", False),
        ("203.0.113.7", "0.0.0.0/0", True),
        ("2001:db8::", "2001:db8::/32", True),
        ("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db8::/32", True),
        ("2001:db9::", "2001:db8::/32", False),
        ("2001:0DB8:0::1", "2001:db8::1/128", True),
        ("2001:db8::1", "::/0", True),
        ("203.0.113.7", "::/0", False),
        ("2001:db8::1", "0.0.0.0/0", False),
    ],
)
def test_an_address_lies_in_a_network_of_its_own_family(address: str, network: str, is_in: bool) -> None:
    """From the first address of a network to the last; everything of one family is nothing of the other."""
    assert is_within(address, (parse_network(network),)) is is_in


@pytest.mark.parametrize("address", ["::ffff:203.0.113.7", "::ffff:cb00:7107", "0:0:0:0:0:FFFF:203.0.113.7"])
def test_an_ipv4_address_written_as_ipv6_is_what_it_is(address: str) -> None:
    """A dual-stack socket's spelling neither locks a client out nor lets one in by way of IPv6."""
    assert is_within(address, (parse_network("203.0.113.0/24"),))
    assert not is_within(address, (parse_network("198.51.100.0/24"),))
    assert not is_within(address, (parse_network("::/0"),))


def test_any_of_several_networks_is_enough() -> None:
    """A practice may have more than one line."""
    networks = (parse_network("203.0.113.0/24"), parse_network("2001:db8::/32"))
    assert is_within("203.0.113.7", networks)
    assert is_within("2001:db8::7", networks)
    assert not is_within("198.51.100.7", networks)


@pytest.mark.parametrize("address", [None, "203.0.113.7", "2001:db8::1"])
def test_no_network_at_all_holds_nothing(address: str | None) -> None:
    """An empty list is a list, not the absence of one."""
    assert not is_within(address, ())


@pytest.mark.parametrize(
    "address",
    [
        None,
        "",
        "unknown",
        "203.0.113.7:443",
        "203.0.113.7/32",
        "[2001:db8::1]",
        "203.0.113.7, 10.0.0.1",
        " 10.0.0.1",
    ],
)
def test_what_is_no_address_lies_nowhere(address: str | None) -> None:
    """A gateway that reports none, or something else, lets nobody in."""
    assert not is_within(address, (parse_network("0.0.0.0/0"), parse_network("::/0")))
