"""A path is read in one way or not at all."""

import pytest

from keyfold.domain.access.request_path import PATH_LENGTH_MAX, read_overrides, read_path


@pytest.mark.parametrize(
    ("target", "segments"),
    [
        ("/", ()),
        ("/?x=1", ()),
        ("/v1/note", ("v1", "note")),
        ("/v1/note/", ("v1", "note")),
        ("/v1/note?path=/../x//;%00", ("v1", "note")),
        ("/v1/note/?a?b#c", ("v1", "note")),
        ("/V1/NoTe", ("v1", "note")),
        ("/v1/%6e%6Fte", ("v1", "note")),
        ("/v1/%4Eote", ("v1", "note")),
        ("/v1/a.b/.c", ("v1", "a.b", ".c")),
        ("/v1/..a", ("v1", "..a")),
        ("/v1/a-_~!$&'()*+,=:@9", ("v1", "a-_~!$&'()*+,=:@9")),
        ("/v1/a%2Bb", ("v1", "a+b")),
        ("/v1/Anna%20Gro%C3%9F", ("v1", "anna groß")),
        ("/v1/n%C3%B6te", ("v1", "nöte")),
        ("/v1/%E6%97%A5%E6%9C%AC", ("v1", "日本")),
        ("/v1/%E2%84%AA", ("v1", "k")),
    ],
)
def test_a_plain_path_is_its_segments(target: str, segments: tuple[str, ...]) -> None:
    """Segments come lower-cased and decoded once; the query and one trailing slash are left out."""
    path = read_path(target)
    assert path is not None and path.plain == segments


@pytest.mark.parametrize(
    "target",
    [
        "",
        "v1/note",
        "*",
        "?/v1",
        "http://host/v1/note",
        "//",
        "//?x",
        "//v1/note",
        "/v1//note",
        "/v1/note//",
        "/.",
        "/..",
        "/v1/.",
        "/v1/./note",
        "/v1/../note",
        "/v1/note/..",
        "/v1/...",
        "/v1/note.",
        "/v1/note./x",
        "/v1/%2e",
        "/v1/%2E%2e/note",
        "/v1/.%2e/note",
        "/v1/note%2e",
        "/v1%2fnote",
        "/v1%2Fnote",
        "/v1/note%5Cx",
        "/v1/note\\x",
        "/v1/note;x",
        "/v1/;/note",
        "/v1/note%3bx",
        "/v1/note%3Fx",
        "/v1/note%23x",
        "/v1/note#x",
        "/v1/note%00",
        "/v1/note\x00",
        "/v1/note%0a",
        "/v1/note\n",
        "/v1/note%0D%0A",
        "/v1/note%7F",
        "/v1/note%20",
        "/v1/ note",
        "/v1/note\t",
        "/v1/%",
        "/v1/%2",
        "/v1/%zz",
        "/v1/%%32e",
        "/v1/note%",
        "/v1/%252e",
        "/v1/%25",
        "/v1/%u002e",
        "/v1/nöte",
        "/v1/%FF",
        "/v1/%c0%ae%c0%ae/note",
        "/v1/\u212a",
        "/v1/%EF%BC%8F",
        "/v1/%EF%B9%B0",
        "/v1/a%C2%A0b",
        "/v1/%E2%80%AEx",
        "/v1/n\u0131te",
        "/v1/\uff0e\uff0e",
        "/v1/\ud800",
        '/v1/"',
        "/v1/<",
        "/v1/{id}",
        "/v1/^",
        "/v1/`",
        "/v1/|",
        "/v1/[x]",
    ],
)
def test_a_path_that_two_parties_could_read_differently_is_none(target: str) -> None:
    """Steps, empty segments, encodings of what separates, matrix parameters, controls and non-ASCII."""
    assert read_path(target) is None


def test_a_path_is_bounded() -> None:
    """The longest path passes, one character more does not; a query is not counted."""
    longest = "/" + "a" * (PATH_LENGTH_MAX - 1)
    path = read_path(longest + "?" + "q" * 99)
    assert path is not None and path.plain == (longest[1:],)
    assert read_path(longest + "a") is None


@pytest.mark.parametrize(
    ("query", "methods"),
    [
        ("_method=DELETE", ("DELETE",)),
        ("a=1&_METHOD=delete&b", ("DELETE",)),
        ("a=1;%5Fmethod=+put+", ("PUT",)),
        (".method=PUT&_method[]=PATCH", ("PUT", "PATCH")),
        ("X-HTTP-Method-Override=DELETE", ("DELETE",)),
        ("$httpMethod=DELETE&method=DELETE", ("DELETE", "DELETE")),
        ("_method=&method=card&payment_method=POST&contact-method=post", ()),
        ("", ()),
    ],
)
def test_a_method_in_a_query(query: str, methods: tuple[str, ...]) -> None:
    """What an API may take for its method is read however it is spelt; a parameter about something else is
    not.
    """
    assert read_overrides(query) == methods
