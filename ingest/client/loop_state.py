"""What a client has in one event loop: connections, deadlines, limits. Each event loop needs its own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ingest.client.body_reader import BodyReader
from ingest.client.deadlines import Deadlines
from ingest.client.errors import InvalidRequestError
from ingest.client.transport import DefaultTransport
from ingest.core.cancellation import RunCancellation

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

CONNECTIONS = 1024
"""Maximum number of open connections. Further calls wait for a free one, within their deadline."""


class LoopState:
    """A client's state in the running event loop.

    Its connections are closed when the loop ends by `asyncio.run`, even if the client is not closed and is used in
    another loop afterwards.

    Attributes:
        loop: The event loop.
        transport: Sends requests, if the user has no transport of their own.
        bodies: Reads the bodies of answers.
        deadlines: The deadlines of the calls under way.
        closed: Set when the client is closed.
    """

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.transport = DefaultTransport(CONNECTIONS)
        self.bodies = BodyReader()
        self.deadlines = Deadlines()
        self.closed = RunCancellation()
        self._closing = _closing(self.transport)

    async def open(self) -> None:
        """Have the event loop close the connections at its end."""
        await anext(self._closing)

    async def close(self) -> None:
        """Close the connections, and end the calls under way."""
        self.closed.set()
        self.deadlines.expire_all()
        await self._closing.aclose()
        await self.transport.aclose()

    def require_running(self) -> None:
        """Check that the running loop is this one.

        Raises:
            InvalidRequestError: It is another one, and this one may still be in use.
        """
        if self.loop is not asyncio.get_running_loop():
            raise InvalidRequestError(
                "this client is in use in another event loop, which is not closed: use one client for each loop"
            )


async def _closing(transport: DefaultTransport) -> AsyncGenerator[None]:
    """Closes the transport when the loop shuts down its asynchronous generators, as `asyncio.run` has it do."""
    try:
        yield
    finally:
        await transport.aclose()
