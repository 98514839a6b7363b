"""Sends the requests for one ID until a step ends them, and counts each answer."""

from __future__ import annotations

import asyncio
import inspect
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

from ingest.client.result import Err, Ok
from ingest.fetch import answer_policy
from ingest.fetch.answer_policy import Verdict

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from ingest.client.operations import AsyncCaller
    from ingest.client.request import Operation, Result
    from ingest.core.cancellation import RunCancellation
    from ingest.core.clock import Clock
    from ingest.core.run_stats import RunStats
    from ingest.fetch.ask import Ask
    from ingest.fetch.ratelimit.async_limiter import AsyncLimiter
    from ingest.fetch.run_guards import RunGuards
    from ingest.fetch.steps import StepTable

T = TypeVar("T")


class RequestLoop:
    """The way of every request of a run: permit, request, verdict, step.

    Args:
        client: Sends one request.
        limiter: Gives the permits.
        guards: The run's guards.
        cancellation: Ends the loop.
        clock: The run's clock.
        stats: Counts requests and answers.
    """

    def __init__(  # the parts of a run, each made at the one place that calls it
        self,
        client: AsyncCaller,
        limiter: AsyncLimiter,
        guards: RunGuards,
        cancellation: RunCancellation,
        clock: Clock,
        stats: RunStats,
    ) -> None:
        self._client = client
        self._limiter = limiter
        self._guards = guards
        self._cancellation = cancellation
        self._clock = clock
        self._stats = stats
        self._in_flight: set[asyncio.Task[Any] | None] = set()
        self._is_abandoned = False

    def abandon(self) -> None:
        """Wait no longer for the requests in flight: their runs return None."""
        self._is_abandoned = True
        for task in filter(None, self._in_flight):
            task.cancel()

    async def run(self, ask: Ask, operation: Operation[Any], steps: StepTable[T]) -> T | None:
        """Ask until a step is an outcome, not a wait; None if the run ended before."""
        while not self._cancellation:
            async with self._limiter.permit() as permit:
                if permit is None:
                    return None
                ask.admit_next()
                ask.sent_at = permit.sent_at
                result = await self._unless_abandoned(self._send(ask, operation))
                if result is None:
                    return None
                verdict = answer_policy.verdict_of(result)
                permit.answer, permit.hint = answer_policy.answer_of(result, verdict), self._hint(result)
            if verdict is not Verdict.UNREACHED:
                self._guards.watch(permit.answer)
            step = steps[verdict](ask, result.value if isinstance(result, Ok) else result.error)
            if inspect.isawaitable(step):
                step = await step
            if not isinstance(step, float):
                return step
            await self._cancellation.sleep(self._clock, step)
        return None

    async def _unless_abandoned(self, request: Coroutine[Any, Any, Result[T]]) -> Result[T] | None:
        task = asyncio.current_task()
        self._in_flight.add(task)
        try:
            return await request
        except asyncio.CancelledError:
            if task is None or not self._is_abandoned:
                raise
            task.uncancel()
            return None
        finally:
            self._in_flight.discard(task)

    async def _send(self, ask: Ask, operation: Operation[T]) -> Result[T]:
        ask.requests += 1
        self._stats.requests += 1
        result = await self._client.call(operation, {"id": ask.item.generation_id})
        ask.status = HTTPStatus.OK if isinstance(result, Ok) else result.error.status_code
        self._stats.request_times.add(self._clock.monotonic() - ask.sent_at)
        if ask.status is not None:
            self._guards.connected()
            self._stats.statuses[ask.status] += 1
        elif isinstance(result, Err):
            self._stats.failures[answer_policy.reason_of(result.error)] += 1
        return result

    def _hint(self, result: Result[Any]) -> float | None:
        """Seconds that the server asks all clients to wait, where it refuses for load."""
        if isinstance(result, Err) and result.error.status_code in answer_policy.HINTING:
            return answer_policy.hint_of(result.error, self._clock.now())
        return None
