"""Work items in, outcomes out: asks for each ID until an answer says what becomes of it.

`Fetcher.run` is the stage, `_ask` is one ID's life in a run, and each verdict of `ingest.policy` has one method that
says what follows: an outcome, or the seconds to wait before the ID is asked again.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from ingest import policy, stops
from ingest.client import Answer, Failure, OpenRouterClient
from ingest.decode import UnreadableError, decode_generation, error_of
from ingest.models import Dead, Generation, Outcome, Pending, Settled, WorkItem
from ingest.policy import Verdict

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterator
    from datetime import datetime

    from ingest.clock import Clock
    from ingest.errors import OrusageError
    from ingest.halt import Halt
    from ingest.limiter import Gate
    from ingest.settings import Settings
    from ingest.tally import Tally

log = logging.getLogger("orusage")

ZERO_TOKEN_AGE = timedelta(hours=1)
"""A younger generation without tokens may be recorded too early; it is asked for once more."""

BREAKER_PAUSES = 3
"""Pauses of 1, 2, 4 s after failed connects; after the last the run stops."""

FREE_RETRIES = 50.0
RETRIES_PER_ANSWER = 0.2
"""The run-wide budget of retries: some to begin with, and one for every five good answers."""

FIRST_ANSWERS = 50
"""So many burials before the first settled ID mean that the account or the base URL is wrong."""

Step = Outcome | float


@dataclass(slots=True)
class _Ask:
    """One ID's life in this run."""

    item: WorkItem
    sent_at: float = 0.0
    requests: int = 0
    failures: int = 0
    unreadable: int = 0
    looked_again: bool = False
    other_id: str | None = None
    status: int | None = None

    def pending(self, reason: str, not_before: datetime | None = None) -> Pending:
        return Pending(self.item, reason, self.status, not_before, self.requests)

    def cut_short(self) -> Pending:
        return Pending(self.item, "interrupted", self.status, None, self.requests, charged=False)

    def dead(self, reason: str) -> Dead:
        return Dead(self.item, reason, self.status, self.requests)

    def runs(self, reason: str) -> int:
        """Runs in a row that ended with this reason, this one included."""
        return self.item.runs + 1 if self.item.reason == reason else 1


class Fetcher:
    """Asks for IDs concurrently, under one gate.

    Args:
        client: Sends one request.
        gate: Paces all requests.
        halt: Ends the run; set by the fetcher too, when no further ID would fare better.
        settings: The run's settings.
        clock: Where time comes from.
        tally: Counts requests and answers.
        random: Uniform in 0 … 1, for jitter.
    """

    def __init__(  # the parts of a run, each made at the one place that calls it
        self,
        client: OpenRouterClient,
        gate: Gate,
        halt: Halt,
        settings: Settings,
        clock: Clock,
        tally: Tally,
        random: Callable[[], float],
    ) -> None:
        self._client = client
        self._gate = gate
        self._settings = settings
        self._clock = clock
        self._halt = halt
        self._tally = tally
        self._random = random
        self._retries = FREE_RETRIES
        self._in_a_row = 0
        self._breaker_pauses = 0
        self._breaker_until = clock.monotonic()
        self._throttled_since: float | None = None
        self._key_is_good: bool | None = None
        self._has_read = False
        self._steps: dict[Verdict, Callable[[_Ask, Answer], Step]] = {
            Verdict.READ: self._read,
            Verdict.REDIRECT: self._redirected,
            Verdict.BURY: self._refused,
            Verdict.KEY_REFUSED: lambda ask, _: self._stop(ask, stops.key_refused()),
            Verdict.OUT_OF_CREDITS: lambda ask, _: self._stop(ask, stops.out_of_credits()),
            Verdict.NOT_FOUND: self._not_found,
            Verdict.THROTTLED: self._throttled,
            Verdict.OVERLOADED: self._overloaded,
            Verdict.FAILED: lambda ask, answer: self._failed(ask, f"http_{answer.status}"),
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
        while not self._halt and (item := next(items, None)):
            await outcomes.put(await self._ask(item))

    async def _ask(self, item: WorkItem) -> Outcome:
        ask = _Ask(item)
        while not self._halt:
            async with self._gate.slot() as sent_at:
                if sent_at is None:
                    break
                ask.sent_at = sent_at
                reply = await self._send(ask)
            step = await self._judge(ask, reply)
            if not isinstance(step, float):
                return step
            await self._halt.sleep(self._clock, step)
        return self._not_readable(ask) if ask.unreadable else ask.cut_short()

    async def _send(self, ask: _Ask) -> Answer | Failure:
        ask.requests += 1
        self._tally.requests += 1
        reply = await self._client.generation(ask.item.generation_id)
        if isinstance(reply, Answer):
            ask.status = reply.status
            self._tally.statuses[reply.status] += 1
        else:
            ask.status = None
            self._tally.failures[reply.reason] += 1
        return reply

    async def _judge(self, ask: _Ask, reply: Answer | Failure) -> Step:
        verdict = policy.verdict_of(reply.status) if isinstance(reply, Answer) else Verdict.FAILED
        if verdict is not Verdict.THROTTLED:
            self._throttled_since = None
        if isinstance(reply, Failure):
            return self._unreached(ask) if reply.reason == "connect" else self._failed(ask, reply.reason)
        self._breaker_pauses = 0
        if verdict in policy.ONLY_AS_JSON and not error_of(reply.body):
            return self._unreadable(ask)
        if verdict is Verdict.FORBIDDEN:
            return await self._forbidden(ask)
        return self._steps[verdict](ask, reply)

    def _read(self, ask: _Ask, answer: Answer) -> Step:
        try:
            generation = decode_generation(answer.body)
        except UnreadableError:
            return self._unreadable(ask)
        came_back = generation["id"]
        if came_back not in (None, ask.item.generation_id, ask.other_id):
            if ask.other_id is not None:
                return self._unreadable(ask)
            ask.other_id = str(came_back)
            return 0.0
        self._went_well()
        self._has_read = True
        if self._is_too_early(ask.item, generation):
            return ask.pending("zero_tokens", self._clock.now() + policy.SOONEST_NEXT)
        return Settled(ask.item, generation, self._clock.now(), ask.requests)

    def _went_well(self) -> None:
        self._in_a_row = 0
        self._retries += RETRIES_PER_ANSWER
        self._gate.limit.succeeded()

    def _is_too_early(self, item: WorkItem, generation: Generation) -> bool:
        tokens = generation["native_tokens_prompt"] or generation["native_tokens_completion"]
        if tokens or generation["response_cache_source_id"] or item.reason == "zero_tokens":
            return False
        return item.requested_at is not None and self._clock.now() - item.requested_at < ZERO_TOKEN_AGE

    def _not_found(self, ask: _Ask, answer: Answer) -> Step:
        self._went_well()
        date = policy.http_date(answer.headers.get("date"))
        if date is None:  # our own clock must never kill an ID
            return ask.pending("not_found_yet", self._clock.now() + policy.LATEST_NEXT)
        age = date - ask.item.requested_at if ask.item.requested_at else timedelta.max
        if age >= self._settings.not_found_grace:
            return ask.dead("not_found")
        if age < policy.YOUNG and not ask.looked_again:
            ask.looked_again = True
            return policy.SECOND_LOOK
        return ask.pending("not_found_yet", self._clock.now() + policy.next_look(age))

    def _refused(self, ask: _Ask, answer: Answer) -> Step:
        self._went_well()
        return ask.dead(f"http_{answer.status}")

    def _throttled(self, ask: _Ask, answer: Answer) -> Step:
        now = self._clock.monotonic()
        self._gate.limit.rejected(ask.sent_at, now, self._hint(answer))
        if self._throttled_since is None:
            self._throttled_since = now
        if now - self._throttled_since > self._settings.patience.total_seconds():
            self._give_up_throttled()
        return 0.0

    def _give_up_throttled(self) -> None:
        if not self._has_read:
            self._halt.set(stops.throttled_for_ever(self._settings.patience))
        elif not self._halt:
            log.warning("nothing but HTTP 429 any more: what is left is for the next run")
            self._halt.set()

    def _overloaded(self, ask: _Ask, answer: Answer) -> Step:
        hint = self._hint(answer)
        self._gate.limit.hold(self._clock.monotonic(), policy.BACKOFF_BASE if hint is None else hint)
        return self._failed(ask, f"http_{answer.status}")

    def _failed(self, ask: _Ask, reason: str) -> Step:
        ask.failures += 1
        if ask.failures >= policy.TRIES or self._retries < 1:
            return ask.pending(reason)
        self._retries -= 1
        return policy.backoff(ask.failures, self._random())

    def _unreached(self, ask: _Ask) -> Step:
        if ask.sent_at >= self._breaker_until:
            self._breaker_pauses += 1
            if self._breaker_pauses > BREAKER_PAUSES:
                self._halt.set(stops.unreachable(self._settings.base_url))
            self._breaker_until = self._clock.monotonic() + 2.0 ** (self._breaker_pauses - 1)
        self._gate.limit.hold(self._breaker_until, 0.0)
        return 0.0

    def _unreadable(self, ask: _Ask) -> Step:
        self._in_a_row += 1
        ask.unreadable += 1
        if self._in_a_row >= policy.STOP_AFTER:
            self._halt.set(stops.not_the_api(self._settings.base_url))
        return 0.0 if ask.unreadable == 1 and not self._halt else self._not_readable(ask)

    def _not_readable(self, ask: _Ask) -> Outcome:
        runs = ask.runs("unreadable")
        if runs >= policy.UNREADABLE_RUNS:
            return ask.dead("bad_response")
        return ask.pending("unreadable", self._clock.now() + policy.UNREADABLE_REST if runs > 1 else None)

    def _redirected(self, ask: _Ask, _: Answer) -> Step:
        self._in_a_row += 1
        if self._in_a_row >= policy.STOP_AFTER:
            return self._stop(ask, stops.redirects(self._settings.base_url))
        return ask.pending("redirected")

    async def _forbidden(self, ask: _Ask) -> Step:
        self._went_well()
        if self._key_is_good is None:
            answer = await self._client.key()
            verdict = policy.verdict_of(answer.status) if isinstance(answer, Answer) else Verdict.FAILED
            if verdict not in (Verdict.READ, Verdict.KEY_REFUSED, Verdict.FORBIDDEN):
                return self._failed(ask, "key_unchecked")
            self._key_is_good = verdict is Verdict.READ
        if not self._key_is_good:
            return self._stop(ask, stops.key_refused())
        if ask.runs("forbidden") >= policy.FORBIDDEN_RUNS:
            return ask.dead("http_403")
        return ask.pending("forbidden")

    def _stop(self, ask: _Ask, error: OrusageError) -> Pending:
        self._halt.set(error)
        return ask.cut_short()

    def _hint(self, answer: Answer) -> float | None:
        return policy.wait_hint(answer.headers, error_of(answer.body), self._clock.now())


async def buried_with_care(outcomes: AsyncIterable[Outcome], halt: Halt) -> AsyncGenerator[Outcome]:
    """Hold burials back until an ID is settled; `FIRST_ANSWERS` of them without one end the run and bury nothing.

    With the wrong account or base URL every ID is refused or not found, and a year of IDs must not die of that.
    """
    held: list[Dead] = []
    trusted = False
    async for outcome in outcomes:
        trusted = trusted or (_proves_the_account(outcome) and not halt.error)
        if not trusted and isinstance(outcome, Dead):
            held.append(outcome)
            if len(held) >= FIRST_ANSWERS:
                halt.set(stops.wrong_account())
            continue
        if trusted:
            for burial in held:
                yield burial
            held.clear()
        yield outcome
    for burial in held:
        yield _spared(burial) if halt.error else burial


def _proves_the_account(outcome: Outcome) -> bool:
    return isinstance(outcome, Settled) or (isinstance(outcome, Pending) and outcome.reason == "zero_tokens")


def _spared(burial: Dead) -> Pending:
    return Pending(burial.item, "interrupted", burial.status, None, burial.requests, charged=False)
