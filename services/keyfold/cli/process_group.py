"""Processes that live and end together: a signal drains them all, and so does the death of one.

SIGHUP is passed on to each.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence
from typing import Final

from keyfold.client.failure import CommandFailed, WrongUsage
from keyfold.local.process.child import Child, ProcessSpec

EXIT_BAD_SETTINGS: Final = 2


async def run_until_one_ends(commands: Sequence[ProcessSpec]) -> None:
    """Run all of them until SIGTERM or SIGINT, and return when every one has ended with status 0.

    Raises CommandFailed, once all have ended, if one ended before the signal or with another status;
    WrongUsage if wrong settings are why.
    """
    told = _stop_event()
    children: list[Child] = []
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, _hang_up, children)
    try:
        for command in commands:
            children.append(await Child.spawn(command))  # noqa: PERF401 - those before one that fails must stop
        await _wait_for_first(told, children)
        early = [] if told.is_set() else [child for child in children if not child.running]
    finally:
        await asyncio.gather(*(child.stop() for child in children))
    if failed := early or [child for child in children if await child.wait() != 0]:
        statuses = [await child.wait() for child in failed]
        # Settings that are wrong for all of them can never work, and each has said what is wrong.
        kind = WrongUsage if set(statuses) == {EXIT_BAD_SETTINGS} else CommandFailed
        raise kind(
            "; ".join(
                child.obituary(f"ended with status {status}")
                for child, status in zip(failed, statuses, strict=True)
            )
        )


async def _wait_for_first(told: asyncio.Event, children: Sequence[Child]) -> None:
    waiting = [asyncio.ensure_future(each) for each in (told.wait(), *(child.wait() for child in children))]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waiting:
            each.cancel()


def _hang_up(children: Sequence[Child]) -> None:
    for child in children:
        child.send_signal(signal.SIGHUP)


def _stop_event() -> asyncio.Event:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    return told
