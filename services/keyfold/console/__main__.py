"""Starts the console."""

from urllib.parse import urlsplit

import aiohttp

from keyfold.console.browser.drafts import DRAFT_LASTS_S, Drafts, FormDraft
from keyfold.console.browser.forgery import Forgery
from keyfold.console.browser.once import SECRET_LASTS_S, NewSecret, SecretsOnce
from keyfold.console.browser.sealing import Seal, read_secrets
from keyfold.console.browser.session import Session, Sessions
from keyfold.console.routes import views
from keyfold.console.settings import ConsoleSettings
from keyfold.console.sign_in.embedding import LINK_LASTS_S, Embedding, Link
from keyfold.console.sign_in.provider import Journey, Provider
from keyfold.console.sign_in.tokens import TokenRenewal
from keyfold.console.sign_in.views import JOURNEY_LASTS_S, SignIn
from keyfold.console.web.app import Console, build
from keyfold.runtime.collector import settle_collector
from keyfold.runtime.service import Process, run

NAME = "console"


async def start(process: Process[ConsoleSettings]) -> None:
    """Serve pages; each page finds out which other services answer."""
    settings, clock = process.settings, process.clock
    secrets = read_secrets(settings.session_secret.get_secret_value())
    http = await process.enter(aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()))
    provider = None if settings.oidc_issuer is None else Provider(settings, clock)

    def seal(value: type, purpose: str, lasts_s: int) -> Seal:  # type: ignore[type-arg]
        return Seal.of(value, purpose=purpose, secrets=secrets, clock=clock, lasts_s=lasts_s)

    console = Console(
        sessions=Sessions(
            seal=seal(Session, "session", settings.session_max_s),
            clock=clock,
            max_s=settings.session_max_s,
            idle_s=settings.session_idle_s,
        ),
        forgery=Forgery(seal=seal(str, "form", settings.session_max_s), origin=settings.console_url),
        drafts=Drafts(seal=seal(FormDraft, "draft", DRAFT_LASTS_S)),
        secrets=SecretsOnce(seal=seal(NewSecret, "secret", SECRET_LASTS_S)),
        tokens=TokenRenewal(provider=provider, clock=clock),
        http=http,
        urls=_urls(settings),
        clock=clock,
        api_url=settings.api_url,
        vendor_key_header=settings.vendor_key_header,
        subscriber_key_header=settings.subscriber_key_header,
        frame_ancestors=settings.frame_ancestors,
        is_local=settings.local_people is not None,
        provider_origin="" if settings.oidc_issuer is None else _origin(settings.oidc_issuer),
    )
    sign_in = SignIn(
        console=console,
        journeys=seal(Journey, "sign-in", JOURNEY_LASTS_S),
        provider=provider,
        people_path=None if settings.local_people is None else str(settings.local_people),
    )
    embedding = Embedding(
        console=console, links=seal(Link, "link", LINK_LASTS_S), console_url=settings.console_url
    )
    others = [*sign_in.routes(), *embedding.routes()]
    await process.serve(build(console, views(console), others, process.health))
    settle_collector()


def _urls(settings: ConsoleSettings) -> dict[str, str]:
    named = {
        "registry": settings.registry_url,
        "audit": settings.audit_url,
        "gatekeeper": settings.gatekeeper_url,
        "relay": settings.relay_url,
        "projection": settings.projection_url,
        "shipper": settings.shipper_url,
    }
    return {name: url for name, url in named.items() if url is not None}


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


if __name__ == "__main__":
    run(NAME, ConsoleSettings, start)
