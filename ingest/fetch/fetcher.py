"""Work items in, outcomes out: asks for each ID until an answer says what becomes of it.

`Fetcher.run` is the stage, `_ask` is one ID's life in a run, and each verdict of `ingest.fetch.answer_policy` has one
method that says what follows: an outcome, or the seconds to wait before the ID is asked again.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from msgspec.structs import replace

from ingest.client.errors import ResponseError
from ingest.client.request import GET_GENERATION, GET_KEY, LIST_GENERATION_CONTENT
from ingest.client.result import Err, Ok
from ingest.client.retry_after import http_date, retry_after_seconds
from ingest.core.generation_id import READY_AGE
from ingest.core.outcomes import Content, Dead, Outcome, Pending, Settled, WorkItem
from ingest.fetch import answer_policy, stop_errors
from ingest.fetch.answer_policy import Verdict
from ingest.fetch.content_records import content_of
from ingest.fetch.ratelimit.controller import Answer

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator
    from datetime import datetime

    from ingest.client.errors import OpenRouterError
    from ingest.client.operations import AsyncCaller
    from ingest.client.request import Operation, Result
    from ingest.core.api_records import GenerationContentResponse, GenerationResponse, GenerationResponseData
    from ingest.core.cancellation import RunCancellation
    from ingest.core.clock import Clock
    from ingest.core.errors import OrusageError
    from ingest.core.run_stats import RunStats
    from ingest.core.settings import Settings
    from ingest.fetch.ratelimit.async_limiter import AsyncLimiter

log = logging.getLogger("orusage")

ZERO_TOKEN_AGE = timedelta(hours=1)
"""A younger generation without tokens may be recorded too early; it is asked for once more."""

BREAKER_PAUSES = 3
"""Pauses of 1, 2, 4 s after failed connects; after the last the run stops."""

FREE_RETRIES = 50.0
RETRIES_PER_ANSWER = 0.2
"""The run-wide budget of retries: some to begin with, and one for every five good answers."""

T = TypeVar("T")

Step: TypeAlias = T | float
"""What an answer leads to: the end of the ask, or the seconds to wait before the next request."""

Steps: TypeAlias = Mapping[Verdict, Callable[["_Ask", Any], Step[T] | Awaitable[Step[T]]]]
"""For each verdict, what follows from the answer: from its value, or from its error."""


@dataclass(slots=True)
class _Ask:
    """One ID's life in this run."""

    item: WorkItem
    entrance: asyncio.Lock | None = None
    sent_at: float = 0.0
    requests: int = 0
    failures: int = 0
    unreadable: int = 0
    retried_not_found: bool = False
    other_id: str | None = None
    status: int | None = None

    def let_in(self) -> None:
        """It has had its first turn, so the next ID may wait for one."""
        if self.entrance:
            self.entrance.release()
            self.entrance = None

    def pending(self, reason: str, not_before: datetime | None = None) -> Pending:
        return Pending(self.item, reason, self.status, not_before, self.requests)

    def cut_short(self) -> Pending:
        return Pending(self.item, "interrupted", self.status, None, self.requests, charged=False)

    def dead(self, reason: str) -> Dead:
        return Dead(self.item, reason, self.status, self.requests)

    def retries_not_found(self, age: timedelta) -> bool:
        """Whether a 404 is worth one quick second look; True only once."""
        is_worth_it = age < answer_policy.NOT_FOUND_RETRY_AGE and not self.retried_not_found
        self.retried_not_found = self.retried_not_found or is_worth_it
        return is_worth_it

    def runs(self, reason: str) -> int:
        """Runs in a row that ended with this reason, this one included."""
        return self.item.runs + 1 if self.item.reason == reason else 1


class Fetcher:
    """Asks for IDs concurrently, under one gate.

    Args:
        client: Sends one request.
        limiter: Paces all requests.
        cancellation: Ends the run; set by the fetcher too, when no further ID would fare better.
        settings: The run's settings.
        clock: Where time comes from.
        stats: Counts requests and answers.
        random: Uniform in 0 … 1, for jitter.
    """

    def __init__(  # the parts of a run, each made at the one place that calls it
        self,
        client: AsyncCaller,
        limiter: AsyncLimiter,
        cancellation: RunCancellation,
        settings: Settings,
        clock: Clock,
        stats: RunStats,
        random: Callable[[], float],
    ) -> None:
        self._client = client
        self._limiter = limiter
        self._settings = settings
        self._clock = clock
        self._cancellation = cancellation
        self._stats = stats
        self._random = random
        self._retries = FREE_RETRIES
        self._entrance = asyncio.Lock()
        self._in_a_row = 0
        self._odd_contents = 0
        self._breaker_pauses = 0
        self._breaker_until = clock.monotonic()
        self._fruitless_since: float | None = None
        self._key_is_good: bool | None = None
        self._has_read = False
        self._steps: Steps[Outcome] = {
            Verdict.READ: self._read,
            Verdict.UNREADABLE: lambda ask, _: self._unreadable(ask),
            Verdict.REDIRECT: lambda ask, _: self._redirected(ask),
            Verdict.REJECTED: self._refused,
            Verdict.KEY_REFUSED: lambda ask, _: self._stop(ask, stop_errors.key_refused()),
            Verdict.OUT_OF_CREDITS: lambda ask, _: self._stop(ask, stop_errors.out_of_credits()),
            Verdict.FORBIDDEN: lambda ask, _: self._forbidden(ask),
            Verdict.NOT_FOUND: self._not_found,
            Verdict.THROTTLED: lambda _, __: 0.0,
            Verdict.OVERLOADED: self._overloaded,
            Verdict.UNREACHED: lambda ask, _: self._unreached(ask),
            Verdict.FAILED: self._failed,
        }
        self._content_steps: Steps[Content | Outcome] = {
            **self._steps,
            Verdict.READ: self._read_content,
            Verdict.UNREADABLE: self._unreadable_content,
            Verdict.REDIRECT: self._content_redirected,
            Verdict.REJECTED: self._without_content,
            Verdict.FORBIDDEN: self._without_content,
            Verdict.NOT_FOUND: self._content_not_found,
            Verdict.OVERLOADED: lambda ask, error: self._or_later(ask, error, self._overloaded(ask, error)),
            Verdict.FAILED: lambda ask, error: self._or_later(ask, error, self._failed(ask, error)),
        }

    async def run(self, items: Iterator[WorkItem]) -> AsyncGenerator[Outcome]:
        """Ask for every item, `settings.concurrency` at a time; outcomes come in the order they are reached.

        Items are taken one by one as workers become free, and none after the halt. Every item taken has an outcome.
        """
        outcomes: asyncio.Queue[Outcome | None] = asyncio.Queue(self._settings.concurrency)
        crew = asyncio.create_task(self._crew(items, outcomes))
        try:
            while (outcome := await outcomes.get()) is not None:
                yield outcome
            await crew
        finally:
            crew.cancel()
            with suppress(asyncio.CancelledError):
                await crew

    async def _crew(self, items: Iterator[WorkItem], outcomes: asyncio.Queue[Outcome | None]) -> None:
        """All workers. When it is cancelled nobody reads any more, and the queue may be full: so no end is put then."""
        try:
            async with asyncio.TaskGroup() as workers:
                for _ in range(self._settings.concurrency):
                    workers.create_task(self._work(items, outcomes))
        except BaseExceptionGroup as failures:
            await outcomes.put(None)
            raise failures.exceptions[0] from None
        await outcomes.put(None)

    async def _work(self, items: Iterator[WorkItem], outcomes: asyncio.Queue[Outcome | None]) -> None:
        while ask := await self._admit(items):
            await outcomes.put(await self._ask(ask))

    async def _admit(self, items: Iterator[WorkItem]) -> _Ask | None:
        """The next ID, one at a time: it waits alone for its turn, so what has begun never waits behind new IDs."""
        await self._entrance.acquire()
        item = None if self._cancellation else next(items, None)
        if item is None:
            self._entrance.release()
            return None
        return _Ask(item, self._entrance)

    async def _ask(self, ask: _Ask) -> Outcome:
        try:
            await self._until_due(ask.item)
            outcome: Outcome | None = await self._pursue(ask, GET_GENERATION, self._steps)
        finally:
            ask.let_in()
        if outcome is None:
            return self._not_readable(ask) if ask.unreadable else ask.cut_short()
        if isinstance(outcome, Settled) and self._settings.content:
            return await self._with_content(outcome)
        return outcome

    async def _until_due(self, item: WorkItem) -> None:
        """Wait until the API may know the ID; not longer than it is ever said to take, whatever our clock does."""
        if item.due_at is not None:
            seconds = (item.due_at - self._clock.now()).total_seconds()
            await self._cancellation.sleep(self._clock, min(seconds, READY_AGE.total_seconds()))

    async def _with_content(self, settled: Settled) -> Outcome:
        """The same with its content. Cut short it is pending: the next run asks for both again, and nothing is lost."""
        ask = _Ask(settled.item, requests=settled.requests, status=HTTPStatus.OK)
        content: Content | Outcome | None = await self._pursue(ask, LIST_GENERATION_CONTENT, self._content_steps)
        if isinstance(content, Content):
            self._has_read = True
            return replace(settled, content=content, requests=ask.requests)
        return content or ask.cut_short()

    async def _pursue(self, ask: _Ask, operation: Operation[Any], steps: Steps[T]) -> T | None:
        """Ask until a step is no pause; None if the run ended before."""
        while not self._cancellation:
            async with self._limiter.turn() as turn:
                if turn is None:
                    return None
                ask.let_in()
                ask.sent_at = turn.sent_at
                result = await self._send(ask, operation)
                verdict = answer_policy.verdict_of(result)
                turn.answer, turn.hint = answer_policy.answer_of(result, verdict), self._hint(result)
            self._watch_patience(turn.answer)
            step = steps[verdict](ask, result.value if isinstance(result, Ok) else result.error)
            if inspect.isawaitable(step):
                step = await step
            if not isinstance(step, float):
                return step
            await self._cancellation.sleep(self._clock, step)
        return None

    async def _send(self, ask: _Ask, operation: Operation[T]) -> Result[T]:
        ask.requests += 1
        self._stats.requests += 1
        result = await self._client.call(operation, {"id": ask.item.generation_id})
        ask.status = HTTPStatus.OK if isinstance(result, Ok) else result.error.status_code
        self._stats.request_times.add(self._clock.monotonic() - ask.sent_at)
        if ask.status is not None:
            self._breaker_pauses = 0
            self._stats.statuses[ask.status] += 1
        elif isinstance(result, Err):
            self._stats.failures[answer_policy.reason_of(result.error)] += 1
        return result

    def _hint(self, result: Result[Any]) -> float | None:
        """How long the server asks everybody to wait, in seconds, where it refuses because it is asked too much."""
        error = result.error if isinstance(result, Err) else None
        if isinstance(error, ResponseError) and error.status_code in answer_policy.HINTING:
            return retry_after_seconds(error.headers, error.error, self._clock.now())
        return None

    def _watch_patience(self, answer: Answer) -> None:
        """End the run when the server has taken nothing for too long."""
        now = self._clock.monotonic()
        if answer is Answer.TAKEN:
            self._fruitless_since = None
        elif self._fruitless_since is None:
            self._fruitless_since = now
        elif now - self._fruitless_since > self._settings.patience.total_seconds():
            self._give_up()

    def _read(self, ask: _Ask, response: GenerationResponse) -> Step[Outcome]:
        generation = response.data
        if generation.id not in (None, ask.item.generation_id, ask.other_id):
            if ask.other_id is not None:
                return self._unreadable(ask)
            ask.other_id = generation.id
            return 0.0
        self._went_well()
        self._has_read = self._has_read or not self._settings.content
        if self._is_too_early(ask.item, generation):
            return ask.pending("zero_tokens", self._clock.now() + answer_policy.SOONEST_NEXT)
        return Settled(ask.item, generation, self._clock.now(), ask.requests)

    def _went_well(self) -> None:
        self._in_a_row = 0
        self._retries += RETRIES_PER_ANSWER

    def _is_too_early(self, item: WorkItem, generation: GenerationResponseData) -> bool:
        tokens = generation.native_tokens_prompt or generation.native_tokens_completion
        if tokens or generation.response_cache_source_id or item.reason == "zero_tokens":
            return False
        return item.requested_at is not None and self._clock.now() - item.requested_at < ZERO_TOKEN_AGE

    def _not_found(self, ask: _Ask, error: ResponseError) -> Step[Outcome]:
        self._went_well()
        date = http_date(error.headers.get("date"))
        if date is None:  # our own clock must never kill an ID
            return ask.pending("not_found_yet", self._clock.now() + answer_policy.LATEST_NEXT)
        age = date - ask.item.requested_at if ask.item.requested_at else timedelta.max
        if age >= self._settings.not_found_grace:
            return ask.dead("not_found")
        if ask.retries_not_found(age):
            return answer_policy.NOT_FOUND_RETRY
        return ask.pending("not_found_yet", self._clock.now() + answer_policy.next_not_found_check(age))

    def _refused(self, ask: _Ask, error: ResponseError) -> Step[Outcome]:
        self._went_well()
        return ask.dead(answer_policy.reason_of(error))

    def _give_up(self) -> None:
        if not self._has_read:
            patience = self._settings.patience.total_seconds()
            self._cancellation.set(
                stop_errors.throttled(f"nothing but refusals for {patience:g} s, with nothing fetched before")
            )
        elif not self._cancellation:
            log.warning("nothing but refusals any more: what is left is for the next run")
            self._cancellation.set()

    def _overloaded(self, ask: _Ask, error: ResponseError) -> Step[Outcome]:
        """Tried again as any failure, but the limiter's probes bound that, so it costs nothing of the run's budget."""
        self._retries += 1
        return self._failed(ask, error)

    def _failed(self, ask: _Ask, error: OpenRouterError) -> Step[Outcome]:
        return self._again(ask, answer_policy.reason_of(error))

    def _again(self, ask: _Ask, reason: str) -> Step[Outcome]:
        ask.failures += 1
        if ask.failures >= answer_policy.TRIES or self._retries < 1:
            return ask.pending(reason)
        self._retries -= 1
        return answer_policy.backoff(ask.failures, self._random())

    def _unreached(self, ask: _Ask) -> Step[Outcome]:
        if ask.sent_at >= self._breaker_until:
            self._breaker_pauses += 1
            if self._breaker_pauses > BREAKER_PAUSES:
                self._cancellation.set(stop_errors.unreachable(self._settings.base_url))
            self._breaker_until = self._clock.monotonic() + 2.0 ** (self._breaker_pauses - 1)
        self._limiter.hold(self._breaker_until - self._clock.monotonic())
        return 0.0

    def _unreadable(self, ask: _Ask) -> Step[Outcome]:
        self._in_a_row += 1
        ask.unreadable += 1
        if self._in_a_row >= answer_policy.STOP_AFTER:
            self._cancellation.set(stop_errors.not_the_api(self._settings.base_url))
        return 0.0 if ask.unreadable == 1 and not self._cancellation else self._not_readable(ask)

    def _not_readable(self, ask: _Ask) -> Outcome:
        runs = ask.runs("unreadable")
        if runs >= answer_policy.UNREADABLE_RUNS:
            return ask.dead("bad_response")
        return ask.pending("unreadable", self._clock.now() + answer_policy.UNREADABLE_REST if runs > 1 else None)

    def _redirected(self, ask: _Ask) -> Step[Outcome]:
        self._in_a_row += 1
        if self._in_a_row >= answer_policy.STOP_AFTER:
            return self._stop(ask, stop_errors.redirects(self._settings.base_url))
        return ask.pending("redirected")

    async def _forbidden(self, ask: _Ask) -> Step[Outcome]:
        self._went_well()
        if self._key_is_good is None:
            result = await self._client.call(GET_KEY, {})
            status = HTTPStatus.OK if isinstance(result, Ok) else result.error.status_code
            if status not in (HTTPStatus.OK, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
                return self._again(ask, "key_unchecked")
            self._key_is_good = status == HTTPStatus.OK
        if not self._key_is_good:
            return self._stop(ask, stop_errors.key_refused())
        if ask.runs("forbidden") >= answer_policy.FORBIDDEN_RUNS:
            return ask.dead("http_403")
        return ask.pending("forbidden")

    def _stop(self, ask: _Ask, error: OrusageError) -> Pending:
        self._cancellation.set(error)
        return ask.cut_short()

    def _read_content(self, _: _Ask, response: GenerationContentResponse) -> Content:
        self._went_well()
        self._odd_contents = 0
        return content_of(response, self._clock.now())

    def _unreadable_content(self, ask: _Ask, error: ResponseError) -> Step[Content | Outcome]:
        ask.unreadable += 1
        if self._is_not_the_api():
            return self._stop(ask, stop_errors.not_the_api(self._settings.base_url))
        return 0.0 if ask.unreadable == 1 else self._content_later(ask, error, "unreadable")

    def _content_redirected(self, ask: _Ask, error: ResponseError) -> Step[Content | Outcome]:
        if self._is_not_the_api():
            return self._stop(ask, stop_errors.redirects(self._settings.base_url))
        return self._content_later(ask, error, "redirected")

    def _is_not_the_api(self) -> bool:
        """Whether too many asks for content in a row came back as something else; metadata in between says nothing."""
        self._odd_contents += 1
        return self._odd_contents >= answer_policy.STOP_AFTER

    def _content_not_found(self, ask: _Ask, error: ResponseError) -> Step[Content | Outcome]:
        second = ask.item.requested_at
        is_young = second is not None and ask.retries_not_found(self._clock.now() - second)
        return answer_policy.NOT_FOUND_RETRY if is_young else self._without_content(ask, error)

    def _without_content(self, _: _Ask, error: ResponseError) -> Content:
        """The API has none to give; the metadata is kept all the same."""
        self._went_well()
        self._odd_contents = 0
        return Content(error.status_code, answer_policy.reason_of(error), self._clock.now())

    def _or_later(self, ask: _Ask, error: OpenRouterError, step: Step[Outcome]) -> Step[Content | Outcome]:
        return self._content_later(ask, error, answer_policy.reason_of(error)) if isinstance(step, Pending) else step

    def _content_later(self, ask: _Ask, error: OpenRouterError, reason: str) -> Content | Outcome:
        """The next runs ask for both again; after the last of them the metadata is kept without content."""
        if ask.runs(answer_policy.CONTENT_FAILED + reason) >= answer_policy.CONTENT_RUNS:
            return Content(error.status_code, reason, self._clock.now())
        return ask.pending(answer_policy.CONTENT_FAILED + reason)
