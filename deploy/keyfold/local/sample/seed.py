"""The sample practice of a stack: made on the first start, and renewed on every later one."""

from __future__ import annotations

from collections.abc import Callable

from keyfold.client.endpoints import Endpoints
from keyfold.client.failure import CommandFailed
from keyfold.client.http import open_client
from keyfold.local.sample.record import FILE_NAME, Sample, load_sample, save_sample
from keyfold.local.sample.renewal import SampleRenewal
from keyfold.local.sample.story import Story
from keyfold.local.signing import LocalSigner


async def ensure_sample(endpoints: Endpoints, say: Callable[[str], None] = lambda _: None) -> Sample:
    """Return the local stack's sample, made now on the first start. Raises CommandFailed.

    A part that no longer works as the screen says is replaced, and ``say`` is called with that. When it
    returns, the gatekeeper knows the keys.
    """
    if endpoints.state_dir is None:
        raise CommandFailed("Only a local stack has a sample practice.")
    kept = load_sample(endpoints.state_dir)
    if kept is None and (endpoints.state_dir / FILE_NAME).exists():
        say(f"{FILE_NAME} is damaged: another sample practice is made")
    async with open_client(endpoints) as client:
        story = Story(client=client, signer=LocalSigner(endpoints.state_dir))
        sample = await (story.create() if kept is None else SampleRenewal(story=story, say=say).renew(kept))
        await story.wait_until_applied()
    # Last, so that an interrupted first start begins again, rather than going on with half a sample.
    if sample != kept:
        save_sample(endpoints.state_dir, sample)
    return sample
