"""After a bug of ours a person gets a page, under the same policy as any other, and a program a problem."""

import pytest

from keyfold.console.browser.session import Person
from keyfold.console.web.view import SIGNED_IN, Page, View, Visit
from tests.support.console.served import serve_console


async def _fail(_visit: Visit) -> Page:
    raise ZeroDivisionError("something of ours that must not be told")


BROKEN = View(method="GET", path="/broken", handler=_fail, who=SIGNED_IN)


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [("text/html,*/*;q=0.8", "text/html"), ("*/*", "application/problem+json")],
)
async def test_a_bug(accept: str, content_type: str) -> None:
    """The answer has the reader's form, and reveals nothing of the cause."""
    async with serve_console(more=[BROKEN]) as browser:
        browser.sign_in(Person(sub="nell"))
        answer = await browser.ask("GET", "/broken", accept=accept)
        assert (answer.status, answer.content_type) == (500, content_type)
        assert "must not be told" not in await answer.text()
        if content_type == "text/html":
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
            assert "Something went wrong" in await answer.text()
