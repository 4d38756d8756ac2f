"""What a problem quotes from a request: names and ids, and nothing long enough to be a secret."""

import orjson

from keyfold.runtime.http.problem import FieldError, bad_body, pointer_to, problem_body

LONG = "x" * 41
ID = "x" * 40


def test_a_long_segment_of_the_path_is_left_out() -> None:
    """The instance is the request's path, without segments too long to be our ids."""
    body = orjson.loads(problem_body(bad_body([]), f"/v1/{LONG}/keys/{ID}"))
    assert body["instance"] == f"/v1/(cut)/keys/{ID}"


def test_a_long_name_in_a_pointer_is_left_out() -> None:
    """A pointer says where in the document, without names too long to be ours."""
    assert pointer_to(("permissions", LONG, 7, ID)) == f"/permissions/(cut)/7/{ID}"
    problem = bad_body([FieldError(pointer=pointer_to((LONG,)), detail="there is no such field")])
    assert LONG.encode() not in problem_body(problem, "/v1/accounts")
