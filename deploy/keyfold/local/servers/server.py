"""A server as a child process: one way to start, stop and kill it, whatever it serves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from keyfold.local.process.child import Child, ChildFailed, ProcessSpec


class LocalServer:
    """A server that is at most one child; a subclass sets it up and makes its command."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._child: Child | None = None

    @property
    def child(self) -> Child:
        """The running server. Raises ChildFailed if it was not started."""
        if self._child is None:
            raise ChildFailed(f"{self._name} was not started")
        return self._child

    async def stop(self) -> None:
        """Stop in order; clients are disconnected."""
        if self._child is not None:
            await self._child.stop()

    async def kill(self) -> None:
        """End the server at once; the next start recovers from its log."""
        if self._child is not None:
            await self._child.kill()

    async def _spawn(
        self, command: ProcessSpec, answers: Callable[[], Awaitable[bool]], *, timeout_s: float
    ) -> None:
        """Return when the server answers. Raises ChildFailed. On failure or cancellation it is ended."""
        self._child = await Child.start(command, answers, timeout_s=timeout_s)
