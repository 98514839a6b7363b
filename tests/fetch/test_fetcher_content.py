"""The same for `--content`: whatever the answer for the content, the metadata is kept or both are asked for again."""

import asyncio
import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from support.clock import NOON, FakeClock
from support.scripted_answers import (
    CONTENT,
    ERROR,
    HANGS,
    HTML,
    METADATA,
    MINUTE,
    RESETS,
    StandIn,
    content,
    content_body,
    cut,
    drained,
    error,
    fetch,
    generation,
    generation_body,
    good,
    item,
    items,
    only_fetcher,
    oversized,
    read,
    readable_answer,
    reply,
    stand_in,
    stop,
)

from ingest.client.errors import OpenRouterConnectionError
from ingest.client.request import MEBIBYTE
from ingest.client.result import Err
from ingest.core.cancellation import RunCancellation
from ingest.core.errors import KeyRefusedError, TryAgainLaterError, UnexpectedInputError, UnreachableError
from ingest.core.outcomes import Content, Dead, Pending, Settled
from ingest.core.run_stats import RunStats
from ingest.core.settings import Settings
from ingest.fetch.dead_letters import MOST_UNVERIFIED, hold_until_verified
from ingest.fetch.ratelimit.async_limiter import AsyncLimiter
from ingest.fetch.ratelimit.controller import START_PACE, RateController
from ingest.fetch.run_guards import FREE_RETRIES

REFUSED = OpenRouterConnectionError("refused", connected=False)


def for_content(answer, times=None):
    """Good metadata, and this answer to requests for content; only to the first `times` for each ID if given."""

    def script(path, generation_id, nth):
        return answer if path == CONTENT and (times is None or nth <= times) else good(path, generation_id, nth)

    return script


def fetch_content(script, work, **options):
    return fetch(script, work, **{"content": True} | options)


def paths(run):
    return [path for path, _ in run.server.requests]


def is_kept(outcome):
    """Whether it is settled with its metadata, whatever became of the content."""
    return isinstance(outcome, Settled) and (outcome.generation.id, outcome.generation.usage) == (
        outcome.item.generation_id,
        Decimal("0.25"),
    )


def third_run(reason, age=timedelta(days=2)):
    """An item whose content failed so in two runs before."""
    return item(age, runs=2, reason=f"content_{reason}")


def at_the_end(run):
    return NOON + timedelta(seconds=run.clock.elapsed)


def content_stored(generation_id, fetched_at=NOON):
    asked = json.dumps({"prompt": f"about {generation_id}"}, separators=(",", ":"))
    return Content(200, None, fetched_at, input=asked, completion="yes")


# It is there


def test_a_settled_id_is_asked_for_its_content_too():
    one = item()
    run = fetch_content(good, [one])
    assert is_kept(run.outcome)
    assert run.outcome.content == content_stored(one.generation_id, at_the_end(run))
    assert (run.outcome.item, run.outcome.fetched_at, run.outcome.requests) == (one, NOON, 2)
    assert run.server.requests == [(METADATA, one.generation_id), (CONTENT, one.generation_id)]
    assert (run.stats.requests, run.stats.statuses, run.stats.failures) == (2, {200: 2}, {})
    assert not run.cancellation


def test_without_the_setting_no_content_is_asked_for():
    run = fetch(good, items(3), content=False)
    assert paths(run) == [METADATA] * 3
    assert [o.content for o in run.outcomes] == [None] * 3


def test_every_content_is_kept_with_its_own_id():
    work = [*items(30), item(None)]
    run = fetch_content(good, work, concurrency=8)
    assert {o.item.generation_id: replace(o.content, fetched_at=NOON) for o in run.outcomes} == {
        w.generation_id: content_stored(w.generation_id) for w in work
    }
    assert Counter(run.server.requests) == Counter((p, w.generation_id) for w in work for p in (METADATA, CONTENT))
    assert run.controller.rate > START_PACE


def test_content_may_be_larger_than_metadata():
    long = "ü" * (2 * MEBIBYTE)
    run = fetch_content(for_content(content("gen-1", output={"completion": long, "reasoning": "r"})), [item()])
    assert run.outcome.content.completion == long
    assert run.outcome.content.reasoning == "r"


def test_the_ask_for_content_waits_for_a_permit_like_any_other():
    run = fetch_content(good, items(2), rate=0.5)
    assert run.gaps == pytest.approx([2.0] * 3, abs=1 / START_PACE)


def test_the_content_is_asked_for_under_the_requested_id():
    one = item()

    def another(path, generation_id, nth):
        return generation("gen-other") if path == METADATA else good(path, generation_id, nth)

    run = fetch_content(another, [one])
    assert (run.outcome.generation.id, run.outcome.requests) == ("gen-other", 3)
    assert run.server.requests == [(METADATA, one.generation_id)] * 2 + [(CONTENT, one.generation_id)]


NO_TOKENS = {"native_tokens_prompt": 0, "native_tokens_completion": 0}


def test_an_id_that_is_not_settled_is_not_asked_for_its_content():
    recent, refused, missing, redirected, failing = [item(5 * MINUTE), *items(4)]
    answers = {
        recent.generation_id: generation(recent.generation_id, **NO_TOKENS),
        refused.generation_id: error(400),
        missing.generation_id: error(404),
        redirected.generation_id: reply(302, Location="/"),
        failing.generation_id: error(500),
    }
    run = fetch_content(lambda _path, i, _nth: answers[i], [recent, refused, missing, redirected, failing])
    assert [o.reason for o in run.outcomes] == ["zero_tokens", "http_400", "not_found", "redirected", "http_500"]
    assert set(paths(run)) == {METADATA}


# The API has none to give


REFUSALS = (400, 403, 404, 405, 410, 422)
REDIRECTS = (301, 302, 303, 307, 308)


@pytest.mark.parametrize("status", REFUSALS)
@pytest.mark.parametrize("age", [timedelta(minutes=10), timedelta(days=9), None])
def test_a_refusal_is_recorded_and_the_metadata_kept(age, status):
    answer = reply(status, ERROR, Location="/api/v1/generation/content?id=moved")
    run = fetch_content(for_content(answer), [item(age)])
    assert is_kept(run.outcome)
    assert run.outcome.content == Content(status, f"http_{status}", at_the_end(run))
    assert (run.outcome.requests, paths(run)) == (2, [METADATA, CONTENT])
    assert run.stats.statuses == {200: 1, status: 1}
    assert not run.cancellation


@pytest.mark.parametrize("status", REDIRECTS)
def test_redirected_content_is_never_followed_and_recorded_in_the_third_run(status):
    answer = reply(status, Location="/api/v1/generation/content?id=moved")
    first_time = fetch_content(for_content(answer), [item()])
    assert (first_time.outcome.reason, first_time.outcome.status) == ("content_redirected", status)
    assert paths(first_time) == [METADATA, CONTENT]
    third = fetch_content(for_content(answer), [third_run("redirected")])
    assert is_kept(third.outcome)
    assert third.outcome.content == Content(status, "redirected", at_the_end(third))


def test_ten_redirects_of_content_stop_the_run_though_metadata_comes_in_between():
    run = fetch_content(for_content(reply(302, Location="/")), items(20))
    assert stop(run) == (UnreachableError, 69)
    assert Counter(paths(run))[CONTENT] == 10
    assert not any(isinstance(o, Settled) for o in run.outcomes)


def test_content_of_a_recent_id_that_is_not_there_yet_is_asked_for_once_more():
    late = fetch_content(for_content(error(404), times=1), [item(timedelta(seconds=10))])
    assert (late.outcome.content.status, late.outcome.content.reason) == (200, None)
    assert (paths(late), late.gaps[1]) == ([METADATA, CONTENT, CONTENT], pytest.approx(2.0, abs=0.2))
    never = fetch_content(for_content(error(404)), [item(timedelta(seconds=10))])
    assert (never.outcome.content.reason, paths(never)) == ("http_404", [METADATA, CONTENT, CONTENT])


def test_a_spent_budget_of_retries_costs_no_content():
    number = 200
    run = fetch_content(for_content(error(500), times=1), items(number))
    kept = [o for o in run.outcomes if isinstance(o, Settled)]
    assert all(o.content.reason is None for o in kept)
    assert len(kept) < number
    assert {o.reason for o in run.outcomes if isinstance(o, Pending)} == {"content_http_500"}


@pytest.mark.parametrize("status", [400, 403, 404])
def test_refusals_of_content_neither_stop_the_run_nor_slow_it_down(status):
    number = MOST_UNVERIFIED + 10
    run = fetch_content(for_content(reply(status, ERROR, Location="/")), items(number))
    assert not run.cancellation
    assert all(is_kept(o) and o.content.reason == f"http_{status}" for o in run.outcomes)
    assert Counter(paths(run)) == {METADATA: number, CONTENT: number}
    assert run.controller.learned is None  # no limit was met


@pytest.mark.parametrize("date", [None, "yesterday", NOON - timedelta(days=1000)])
def test_the_servers_clock_has_no_say_in_content(date):
    run = fetch_content(for_content(error(404, date=date)), [item()])
    assert run.outcome.content == Content(404, "http_404", at_the_end(run))


# Unreadable


UNREADABLE = {
    "html": reply(200, HTML),
    "empty": reply(200),
    "cut inside": reply(200, content_body("gen-1")[:-9]),
    "no content": reply(204),
    "metadata": generation("gen-1"),
    "nothing said": reply(200, b'{"data": {"input": null, "output": null}}'),
    "an error with success": reply(200, ERROR),
    "html 403": reply(403, HTML),
    "html 404": reply(404, HTML),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_unreadable_content_is_asked_for_twice_and_recorded_in_the_third_run(kind):
    first_time = fetch_content(for_content(UNREADABLE[kind]), [item(runs=4, reason="unreadable")])
    assert (first_time.outcome.reason, paths(first_time)) == ("content_unreadable", [METADATA, CONTENT, CONTENT])
    run = fetch_content(for_content(UNREADABLE[kind]), [third_run("unreadable")])
    assert is_kept(run.outcome)
    assert run.outcome.content == Content(int(UNREADABLE[kind].split()[1]), "unreadable", at_the_end(run))
    assert (run.outcome.requests, paths(run)) == (3, [METADATA, CONTENT, CONTENT])
    assert not run.cancellation


@pytest.mark.parametrize("kind", UNREADABLE)
def test_content_that_is_readable_the_second_time_is_kept(kind):
    one = item()
    run = fetch_content(for_content(UNREADABLE[kind], times=1), [one])
    assert run.outcome.content == content_stored(one.generation_id, at_the_end(run))
    assert run.outcome.requests == 3


def test_content_over_its_size_limit_is_unreadable():
    def script(path, generation_id):
        return oversized(200, path) if path == CONTENT else readable_answer(path, generation_id)

    run = stand_in(script, [third_run("unreadable")], FakeClock(), content=True)
    assert is_kept(run.outcome)
    assert run.outcome.content == Content(200, "unreadable", at_the_end(run))
    assert run.outcome.requests == 3


def test_unreadable_metadata_does_not_count_for_the_content():
    run = fetch_content(lambda path, i, nth: reply(200, HTML) if nth == 1 else good(path, i, nth), [item()])
    assert run.outcome.content.reason is None
    assert paths(run) == [METADATA] * 2 + [CONTENT] * 2


def test_ten_unreadable_contents_stop_the_run_though_metadata_comes_in_between():
    run = fetch_content(for_content(reply(200, HTML)), items(20))
    assert stop(run) == (UnexpectedInputError, 65)
    assert Counter(paths(run))[CONTENT] == 10
    assert not any(isinstance(o, Settled) for o in run.outcomes)


@pytest.mark.parametrize("answer", [content("gen-1"), error(404), error(403)])
def test_what_the_api_says_of_content_in_between_begins_the_count_anew(answer):
    def script(path, generation_id, nth):
        asked.append(path)
        odd = path == CONTENT and asked.count(CONTENT) % 9
        return reply(200, HTML) if odd else answer if path == CONTENT else good(path, generation_id, nth)

    asked = []
    assert not fetch_content(script, items(30)).cancellation


# The server or the way to it fails


@pytest.mark.parametrize("status", [408, 500, 501, 502, 504, 524])
def test_a_server_that_fails_is_asked_four_times_and_in_the_third_run_the_metadata_is_kept_without_content(status):
    first_time = fetch_content(for_content(error(status)), [item()])
    assert (first_time.outcome.reason, first_time.outcome.requests) == (f"content_http_{status}", 5)
    run = fetch_content(for_content(error(status)), [third_run(f"http_{status}")])
    assert is_kept(run.outcome)
    assert run.outcome.content == Content(status, f"http_{status}", at_the_end(run))
    assert (run.outcome.requests, run.outcome.fetched_at) == (5, NOON)
    assert run.gaps == pytest.approx([1 / START_PACE, 0.5, 1.0, 2.0], abs=0.06)
    assert run.stats.statuses == {200: 1, status: 4}
    assert not run.cancellation


@pytest.mark.parametrize("status", [503, 529])
def test_an_overloaded_server_is_asked_four_times_and_all_requests_wait(status):
    run = fetch_content(for_content(error(status, Retry_After="7")), [third_run(f"http_{status}")], random=0.0)
    assert is_kept(run.outcome)
    assert (run.outcome.content.status, run.outcome.content.reason) == (status, f"http_{status}")
    assert run.gaps[1:] == pytest.approx([7.0] * 3)
    assert run.stats.overloaded == 4
    assert run.controller.rate == START_PACE


@pytest.mark.parametrize("status", [408, 500, 503, 529])
def test_a_server_that_recovers_gives_the_content(status):
    one = item()
    run = fetch_content(for_content(error(status), times=3), [one])
    assert run.outcome.content == content_stored(one.generation_id, at_the_end(run))
    assert run.outcome.requests == 5


@pytest.mark.parametrize(("answer", "reason"), [(HANGS, "timeout"), (RESETS, "broken"), (cut("gen-1"), "broken")])
def test_without_a_whole_answer_it_is_tried_four_times_and_recorded(answer, reason):
    run = fetch_content(for_content(answer), [third_run(reason)], timeout=0.1)
    assert is_kept(run.outcome)
    assert (run.outcome.content.status, run.outcome.content.reason) == (None, reason)
    assert run.outcome.requests == 5
    assert (run.stats.statuses, run.stats.failures) == ({200: 1}, {reason: 4})


def test_tries_for_the_metadata_do_not_count_for_the_content():
    run = fetch_content(lambda path, i, nth: error(500) if nth <= 3 else good(path, i, nth), [item()])
    assert run.outcome.content.reason is None
    assert (run.outcome.requests, paths(run)) == (8, [METADATA] * 4 + [CONTENT] * 4)


def test_retries_for_content_come_from_the_same_budget():
    run = fetch_content(for_content(error(500)), items(40), random=0.0)
    assert len(run.outcomes) == 40
    asked = Counter(paths(run))
    assert asked[METADATA] == 40
    assert FREE_RETRIES <= asked[CONTENT] - 40 <= FREE_RETRIES + 0.2 * 40


# 429


def test_throttled_content_is_asked_for_again_at_the_common_pace():
    one = item()
    run = fetch_content(for_content(error(429), times=6), [one])
    assert run.outcome.content.input == content_stored(one.generation_id).input
    assert (run.outcome.requests, run.stats.throttled) == (8, 6)
    assert run.controller.rate < START_PACE
    assert not run.cancellation


def test_no_request_is_sent_before_the_moment_named_with_throttled_content():
    work = items(12)
    troubled = work[0].generation_id

    def busy(path, generation_id, nth):
        if (path, generation_id, nth) == (CONTENT, troubled, 1):
            return error(429, Retry_After="7")
        return good(path, generation_id, nth)

    run = fetch_content(busy, work, concurrency=4, random=0.0)
    assert all(o.content.reason is None for o in run.outcomes)
    assert len(run.server.times) == 25
    before = [t for t in run.server.times if t < 7 - 1e-6]
    assert len(before) <= 8
    assert max(before) < 0.3


def test_content_throttled_for_ever_ends_the_run_and_leaves_the_ids_pending():
    run = fetch_content(for_content(error(429)), items(20), concurrency=4, patience=5 * MINUTE)
    assert run.cancellation
    assert 300 < run.clock.elapsed < 320
    assert {(o.reason, o.charged, o.status) for o in run.outcomes} == {("interrupted", False, 429)}
    assert len(run.outcomes) == 4


# The run stops


@pytest.mark.parametrize(("status", "kind", "code"), [(401, KeyRefusedError, 77), (402, TryAgainLaterError, 75)])
@pytest.mark.parametrize("body", [HTML, ERROR])
def test_a_refused_key_and_an_empty_account_stop_the_run_and_leave_the_id_pending(status, kind, code, body):
    run = fetch_content(for_content(reply(status, body)), items(5))
    assert stop(run) == (kind, code)
    assert run.outcome == Pending(run.taken[0], "interrupted", status, None, 2, charged=False)
    assert paths(run) == [METADATA, CONTENT]


def test_a_server_out_of_reach_for_longer_than_the_patience_stops_the_run_and_leaves_the_id_pending():
    run = stand_in(
        lambda path, i: Err(REFUSED) if path == CONTENT else readable_answer(path, i),
        items(5),
        FakeClock(),
        content=True,
        concurrency=1,
    )
    assert stop(run) == (UnreachableError, 69)
    assert 300 < run.clock.elapsed < 310
    requests = 1 + run.stats.failures["connect"]
    assert run.outcome == Pending(run.taken[0], "interrupted", None, None, requests, charged=False)
    assert requests < 60


def test_a_server_that_is_reached_again_gives_the_content():
    asked = Counter()

    def script(path, generation_id):
        asked[path] += 1
        return Err(REFUSED) if path == CONTENT and asked[path] <= 3 else readable_answer(path, generation_id)

    run = stand_in(script, [item()], FakeClock(), content=True, concurrency=1)
    assert not run.cancellation
    assert run.outcome.content.reason is None
    assert run.outcome.requests == 5


def cancelling(cancellation, path, answer=None):
    """A signal comes while this is asked for; the answer still arrives."""

    def script(asked, generation_id, nth):
        if asked != path:
            return good(asked, generation_id, nth)
        cancellation.set()
        return answer or good(asked, generation_id, nth)

    return script


def asked_again(run):
    """The next run, on what this one left."""
    left = [replace(o.item, runs=0) for o in run.outcomes if isinstance(o, Pending)]
    return fetch_content(good, left)


def test_a_run_that_ends_after_the_metadata_leaves_the_id_pending_and_the_next_asks_for_both():
    cancellation = RunCancellation()
    run = fetch_content(cancelling(cancellation, METADATA), items(5), cancellation=cancellation)
    assert (run.outcome.reason, run.outcome.charged, run.outcome.requests) == ("interrupted", False, 1)
    assert paths(run) == [METADATA]
    again = asked_again(run)
    assert again.outcome.content == content_stored(run.taken[0].generation_id, at_the_end(again))
    assert paths(again) == [METADATA, CONTENT]


def test_content_that_is_on_its_way_when_the_run_ends_is_kept():
    cancellation = RunCancellation()
    run = fetch_content(cancelling(cancellation, CONTENT), items(5), cancellation=cancellation)
    assert run.outcome.content == content_stored(run.taken[0].generation_id, at_the_end(run))
    assert len(run.server.requests) == 2


@pytest.mark.parametrize("status", [400, 403, 404])
def test_a_refusal_that_is_on_its_way_when_the_run_ends_is_recorded(status):
    cancellation = RunCancellation()
    run = fetch_content(
        cancelling(cancellation, CONTENT, reply(status, ERROR, Location="/")), items(5), cancellation=cancellation
    )
    assert is_kept(run.outcome)
    assert run.outcome.content == Content(status, f"http_{status}", at_the_end(run))


@pytest.mark.parametrize(
    "answer", [error(500), error(503), error(429), reply(200, HTML), cut("gen-1"), RESETS, error(401)]
)
def test_a_run_that_ends_before_the_next_try_for_content_leaves_the_id_pending(answer):
    cancellation = RunCancellation()
    run = fetch_content(cancelling(cancellation, CONTENT, answer), items(5), cancellation=cancellation)
    status = int(answer.split()[1]) if isinstance(answer, bytes) and answer != cut("gen-1") else None
    assert run.outcome == Pending(run.taken[0], "interrupted", status, None, 2, charged=False)
    assert run.stats.requests == 2
    assert is_kept(asked_again(run).outcome)


def test_a_cancellation_wakes_a_worker_that_waits_for_the_next_try_for_content():
    async def scenario():
        clock, cancellation = FakeClock(), RunCancellation()

        async def end():
            await clock.sleep(20.0)
            cancellation.set()

        def script(path, generation_id):
            headers = {"retry-after": "300"}
            return read(503, ERROR, headers, path) if path == CONTENT else readable_answer(path, generation_id)

        options = Settings(concurrency=3, content=True)
        run, _ = await asyncio.gather(drained(StandIn(script), items(9), clock, cancellation, options), end())
        return run

    run = asyncio.run(scenario())
    assert run.clock.elapsed == pytest.approx(20.0)
    assert 1 <= len(run.outcomes) <= 3
    assert {(o.reason, o.charged) for o in run.outcomes} == {("interrupted", False)}


@pytest.mark.parametrize("status", [401, 402])
def test_content_in_flight_when_another_id_stops_the_run_still_comes_out(status):
    work, cancellation, other_arrived = items(5), RunCancellation(), asyncio.Event()

    async def one_stops_the_other(path, generation_id):
        if path == CONTENT and generation_id == work[0].generation_id:
            await other_arrived.wait()
            return read(status, ERROR, path=path)
        if path == CONTENT:
            other_arrived.set()
            await cancellation._event.wait()
        return readable_answer(path, generation_id)

    run = stand_in(one_stops_the_other, work, FakeClock(), cancellation, content=True, concurrency=2)
    outcomes = {o.item.generation_id: o for o in run.outcomes}
    assert run.taken == work[:2]
    assert outcomes[work[0].generation_id] == Pending(work[0], "interrupted", status, None, 2, charged=False)
    assert outcomes[work[1].generation_id].content == content_stored(work[1].generation_id, at_the_end(run))


# Dead letters


def held(script, work, **options):
    async def scenario():
        clock, cancellation, chosen = FakeClock(), RunCancellation(), Settings(content=True, **options)
        limiter = AsyncLimiter(RateController(), clock, cancellation, RunStats())
        fetcher = only_fetcher(StandIn(script), limiter, cancellation, chosen, clock, RunStats(), lambda: 1.0)
        return [o async for o in hold_until_verified(fetcher.run(iter(work)), cancellation, clock)], cancellation

    return asyncio.run(scenario())


DATED = {"date": "Fri, 20 Nov 2026 12:00:00 GMT"}


@pytest.mark.parametrize("status", [403, 404])
def test_metadata_proves_the_account_whatever_became_of_the_content(status):
    work = [item(runs=1, reason="not_found") for _ in range(2 * MOST_UNVERIFIED)]
    settled = work[0].generation_id

    def script(path, generation_id):
        if path == METADATA and generation_id == settled:
            return read(200, generation_body(generation_id))
        return read(status if path == CONTENT else 404, ERROR, DATED, path)

    out, cancellation = held(script, work, concurrency=1)
    assert not cancellation
    assert Counter(map(type, out)) == {Settled: 1, Dead: len(work) - 1}
    assert out[0].content.reason == f"http_{status}"


@pytest.mark.parametrize("status", [400, 404])
def test_the_wrong_account_makes_no_dead_letter_with_content_either(status):
    out, cancellation = held(lambda path, _: read(status, ERROR, DATED, path), items(500), concurrency=4)
    assert isinstance(cancellation.error, KeyRefusedError)
    assert 50 <= len(out) <= 60
    assert not any(isinstance(o, Dead) or o.charged for o in out)


def test_refused_contents_are_no_dead_letters():
    def refused(path, generation_id):
        return read(404, ERROR, DATED, path) if path == CONTENT else readable_answer(path, generation_id)

    out, cancellation = held(refused, items(2 * MOST_UNVERIFIED))
    assert not cancellation
    assert [type(o) for o in out] == [Settled] * 2 * MOST_UNVERIFIED


@pytest.mark.parametrize(("reason", "proves"), [("content_http_500", True), ("http_500", False)])
def test_metadata_whose_content_fails_still_proves_the_account(reason, proves):
    async def outcomes():
        for one in items(MOST_UNVERIFIED + 1):
            yield Dead(one, "http_400", 400, 1)
            yield Pending(item(), reason, 500, None, 5)

    async def scenario():
        cancellation = RunCancellation()
        return [o async for o in hold_until_verified(outcomes(), cancellation, FakeClock())], cancellation

    _, cancellation = asyncio.run(scenario())
    assert bool(cancellation) is not proves
