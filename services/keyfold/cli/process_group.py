"""Processes that live and end together: a signal drains all of them, and so does the death of one."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence
from typing import Final

from keyfold.client.failure import CommandFailed, WrongUsage
from keyfold.local.process.child import Child, ProcessSpec

EXIT_BAD_SETTINGS: Final = 2


async def run_together(commands: Sequence[ProcessSpec]) -> None:
    """Run all of them until SIGTERM or SIGINT, and return when every one has ended in order.

    Raises CommandFailed, by then all have ended, when one ends before that or with another status than 0;
    WrongUsage where its settings are why.
    """
    told = _told_to_stop()
    children: list[Child] = []
    try:
        for command in commands:
            children.append(await Child.spawn(command))  # noqa: PERF401 - those before one that fails must stop
        await _first_of(told, children)
        early = [] if told.is_set() else [child for child in children if not child.running]
    finally:
        await asyncio.gather(*(child.stop() for child in children))
    if failed := early or [child for child in children if await child.wait() != 0]:
        statuses = [await child.wait() for child in failed]
        # What is wrong with the settings of all of them can never work, and each has said it.
        kind = WrongUsage if set(statuses) == {EXIT_BAD_SETTINGS} else CommandFailed
        raise kind(
            "; ".join(
                child.obituary(f"ended with status {status}")
                for child, status in zip(failed, statuses, strict=True)
            )
        )


async def _first_of(told: asyncio.Event, children: Sequence[Child]) -> None:
    waiting = [asyncio.ensure_future(each) for each in (told.wait(), *(child.wait() for child in children))]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waiting:
            each.cancel()


def _told_to_stop() -> asyncio.Event:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    return told
