"""The sample practice of a stack: made on the first start, and made to work again on every later one."""

from __future__ import annotations

from collections.abc import Callable

from keyfold.client.endpoints import Endpoints
from keyfold.client.failure import CommandFailed
from keyfold.client.http import open_client
from keyfold.local.sample.mending import Mending
from keyfold.local.sample.record import FILE_NAME, Sample, load_sample, save_sample
from keyfold.local.sample.story import Story
from keyfold.local.signing import LocalSigner


async def ensure_sample(endpoints: Endpoints, say: Callable[[str], None] = lambda _: None) -> Sample:
    """Return the local stack's sample, made now on the first start. Raises CommandFailed.

    What of it no longer does what the screen says is made anew, and ``say`` is told. When it returns, the
    gatekeeper knows the keys.
    """
    if endpoints.state_dir is None:
        raise CommandFailed("Only a local stack has a sample practice.")
    kept = load_sample(endpoints.state_dir)
    if kept is None and (endpoints.state_dir / FILE_NAME).exists():
        say(f"{FILE_NAME} is damaged: another sample practice is made")
    async with open_client(endpoints) as client:
        story = Story(client=client, signer=LocalSigner(endpoints.state_dir))
        sample = await (story.told() if kept is None else Mending(story=story, say=say).mended(kept))
        await story.applied()
    # Last, so that a first start which was interrupted tells the story again rather than half of it.
    if sample != kept:
        save_sample(endpoints.state_dir, sample)
    return sample
