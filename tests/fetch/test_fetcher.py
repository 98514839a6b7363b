"""The policy table, row by row: the real client against a real server on loopback, in virtual time."""

import asyncio
import json
import socket
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from email.utils import format_datetime
from itertools import accumulate, count

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.clock import NOON, FakeClock
from support.scripted_answers import (
    CONTENT,
    DAY,
    ERROR,
    HANGS,
    HOUR,
    HTML,
    METADATA,
    MINUTE,
    RESETS,
    Server,
    StandIn,
    Timeless,
    always,
    connected,
    cut,
    drained,
    error,
    fetch,
    first,
    generation,
    good,
    item,
    items,
    oversized,
    read,
    readable_answer,
    reply,
    stand_in,
    stop,
)

from ingest.client.errors import OpenRouterConnectionError, RequestAbortedError, RequestTimeoutError
from ingest.client.request import GET_GENERATION
from ingest.client.result import Err
from ingest.core.cancellation import RunCancellation
from ingest.core.errors import (
    InterruptedRunError,
    KeyRefusedError,
    TryAgainLaterError,
    UnexpectedInputError,
    UnreachableError,
)
from ingest.core.outcomes import Dead, Pending, Settled
from ingest.core.run_stats import RunStats
from ingest.core.settings import Settings
from ingest.fetch.answer_policy import REFUSAL_REST
from ingest.fetch.dead_letters import MOST_UNVERIFIED, hold_until_verified
from ingest.fetch.fetcher import INTERRUPTED_PATIENCE, Fetcher
from ingest.fetch.ratelimit.async_limiter import AsyncLimiter
from ingest.fetch.ratelimit.controller import START_PACE, RateController
from ingest.fetch.run_guards import FREE_RETRIES

SERVER_FAILED = (408, 500, 502, 504, 524)
REFUSED = OpenRouterConnectionError("refused", connected=False)
BROKEN = OpenRouterConnectionError("reset", connected=True)
LATE = RequestTimeoutError("late")
GONE = RequestAbortedError("the client is closed")


# 200


def test_a_readable_answer_settles_the_id():
    one = item()
    run = fetch(good, [one])
    assert isinstance(run.outcome, Settled)
    assert (run.outcome.item, run.outcome.generation.id) == (one, one.generation_id)
    assert (run.outcome.generation.usage, run.outcome.content) == (Decimal("0.25"), None)
    assert (run.outcome.fetched_at, run.outcome.requests) == (NOON, 1)
    assert (run.stats.requests, run.stats.statuses, run.stats.failures) == (1, {200: 1}, {})
    assert run.server.requests == [("/generation", one.generation_id)]
    assert not run.cancellation


def test_many_ids_are_asked_once_each_and_no_more_at_once_than_allowed():
    work, clock, under_way, peak = items(100), FakeClock(), set(), 0

    async def slow(path, generation_id):
        nonlocal peak
        under_way.add(generation_id)
        peak = max(peak, len(under_way))
        await clock.sleep(2.0)
        under_way.discard(generation_id)
        return readable_answer(path, generation_id)

    run = stand_in(slow, work, clock, concurrency=8)
    assert {o.item.generation_id for o in run.outcomes} == {w.generation_id for w in work}
    assert all(isinstance(o, Settled) and o.requests == 1 for o in run.outcomes)
    assert peak == 8


NO_TOKENS = {"native_tokens_prompt": 0, "native_tokens_completion": 0}


@pytest.mark.parametrize(
    ("age", "fields", "settled"),
    [
        (59 * MINUTE, NO_TOKENS, False),
        (59 * MINUTE, {"native_tokens_prompt": None}, False),
        (-5 * MINUTE, NO_TOKENS, False),
        (HOUR, NO_TOKENS, True),
        (None, NO_TOKENS, True),
        (59 * MINUTE, NO_TOKENS | {"native_tokens_completion": 1}, True),
        (59 * MINUTE, NO_TOKENS | {"native_tokens_prompt": 1}, True),
        (59 * MINUTE, NO_TOKENS | {"response_cache_source_id": "gen-1"}, True),
    ],
)
def test_a_recent_generation_without_tokens_may_have_been_recorded_too_early(age, fields, settled):
    run = fetch(lambda _path, generation_id, _nth: generation(generation_id, **fields), [item(age)])
    assert len(run.server.requests) == 1
    if settled:
        assert isinstance(run.outcome, Settled)
    else:
        assert run.outcome == Pending(run.taken[0], "zero_tokens", 200, NOON + MINUTE, 1)


def test_the_next_answer_settles_a_generation_without_tokens_whatever_it_says():
    run = fetch(
        lambda _path, generation_id, _nth: generation(generation_id, **NO_TOKENS),
        [item(5 * MINUTE, runs=1, reason="zero_tokens", last_status=200)],
    )
    assert isinstance(run.outcome, Settled)


def test_another_id_that_comes_back_twice_is_settled_under_the_requested_one():
    one = item()
    run = fetch(always(generation("gen-other")), [one])
    assert isinstance(run.outcome, Settled)
    assert (run.outcome.item, run.outcome.generation.id, run.outcome.requests) == (one, "gen-other", 2)


def test_another_id_that_does_not_come_back_again_is_forgotten():
    run = fetch(first(generation("gen-other")), [item()])
    assert isinstance(run.outcome, Settled)
    assert (run.outcome.generation.id, run.outcome.requests) == (run.taken[0].generation_id, 2)


def test_an_answer_without_an_id_is_taken_for_the_requested_one():
    run = fetch(always(generation(None)), [item()])
    assert isinstance(run.outcome, Settled)
    assert run.outcome.requests == 1


def test_three_different_ids_are_unreadable():
    run = fetch(lambda _path, _id, nth: generation(f"gen-other-{nth}"), [item()])
    assert run.outcome == Pending(run.taken[0], "unreadable", 200, None, 3)


# Unreadable


UNREADABLE = {
    "html": reply(200, HTML),
    "empty": reply(200),
    "cut inside": reply(200, b'{"data": {"id": "gen-1", "model'),
    "a list": reply(200, b'{"data": []}'),
    "no generation": reply(200, b'{"data": {}}'),
    "not utf-8": reply(200, b'{"data": {"id": "\xff"}}'),
    "an odd error with success": reply(200, b'{"error": {"code": 1, "message": "no"}}'),
    "oversized": reply(200, b'{"data": {"id": "gen-1", "model": "' + b"x" * GET_GENERATION.largest + b'"}}'),
    "another success": reply(202, HTML),
    "no content": reply(204),
    "html 400": reply(400, HTML),
    "html 403": reply(403, HTML),
    "html 404": reply(404, HTML),
    "html 410": reply(410, HTML),
    "json 404 of another kind": reply(404, b'{"detail": "Not Found"}'),
    "json 404 with words for an error": reply(404, b'{"error": "Not Found"}'),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_an_unreadable_answer_is_asked_for_twice_and_left_to_a_later_run(kind):
    run = fetch(always(UNREADABLE[kind]), [item()])
    assert run.outcome == Pending(run.taken[0], "unreadable", run.outcome.status, None, 2)
    assert UNREADABLE[kind].startswith(f"HTTP/1.1 {run.outcome.status} ".encode())
    assert len(run.server.requests) == 2
    assert not run.cancellation


@pytest.mark.parametrize("kind", UNREADABLE)
def test_an_answer_that_is_readable_the_second_time_settles(kind):
    run = fetch(first(UNREADABLE[kind]), [item()])
    assert isinstance(run.outcome, Settled)
    assert run.outcome.requests == 2


@pytest.mark.parametrize(
    ("runs", "reason", "ending"),
    [
        (3, "unreadable", "unreadable"),
        (4, "unreadable", "bad_response"),
        (9, "unreadable", "bad_response"),
        (4, "http_500", "unreadable"),
    ],
)
def test_an_id_that_is_unreadable_five_runs_in_a_row_is_given_up(runs, reason, ending):
    run = fetch(always(reply(200, HTML)), [item(runs=runs, reason=reason)])
    assert isinstance(run.outcome, Dead if ending == "bad_response" else Pending)
    assert (run.outcome.reason, run.outcome.status, run.outcome.requests) == (ending, 200, 2)


def test_ten_unreadable_answers_in_a_row_stop_the_run():
    run = fetch(always(reply(200, HTML)), items(20))
    assert stop(run) == (UnexpectedInputError, 65)
    assert len(run.server.requests) == 10
    assert [(o.reason, o.charged) for o in run.outcomes] == [("unreadable", True)] * 5
    assert run.server.base_url in str(run.cancellation.error)


def test_an_id_that_is_unreadable_again_rests_so_that_others_have_their_turn():
    first = fetch(always(reply(200, HTML)), items(1)).outcomes
    again = fetch(always(reply(200, HTML)), [item(reason="unreadable", runs=1)]).outcomes
    assert [o.not_before for o in first] == [None]
    assert [o.not_before - NOON > timedelta(hours=30) for o in again] == [True]


def test_nine_unreadable_answers_and_a_good_one_do_not_stop_the_run():
    work = items(20)
    fifth_and_tenth = {work[4].generation_id, work[9].generation_id}

    def mostly_html(_path, generation_id, nth):
        return generation(generation_id) if generation_id in fifth_and_tenth and nth == 2 else reply(200, HTML)

    run = fetch(mostly_html, work[:14])
    assert not run.cancellation
    assert Counter(type(o) for o in run.outcomes) == {Settled: 2, Pending: 12}


# A success that holds an error


def inside_200(status, date=NOON, **headers):
    """The error as a 200: its status is the error's code, and its headers are in the error's metadata."""
    inner = {
        "code": status,
        "message": "no",
        "metadata": {"headers": {n.replace("_", "-"): v for n, v in headers.items()}},
    }
    return reply(200, json.dumps({"error": inner}).encode(), date)


def summary(run):
    outcomes = [(type(o), getattr(o, "reason", None), getattr(o, "status", None), o.requests) for o in run.outcomes]
    return outcomes, stop(run), run.stats.statuses, pytest.approx(run.clock.elapsed), run.controller.rate


@settings(max_examples=60, deadline=None)
@given(st.integers(400, 599), st.sampled_from([MINUTE, 2 * HOUR, 30 * DAY, None]), st.integers(1, 5))
def test_a_success_that_holds_an_error_has_the_same_end_as_that_error(status, age, times):
    plain = fetch(first(error(status, Retry_After="7"), times), [item(age)])
    inner = fetch(first(inside_200(status, Retry_After="7"), times), [item(age)])
    assert summary(inner) == summary(plain)


def test_the_limiter_slows_down_for_a_429_inside_a_200():
    moment = f"{(NOON + timedelta(seconds=9)).timestamp() * 1000:.0f}"
    run = fetch(first(inside_200(429, X_RateLimit_Reset=moment)), [item()])
    assert isinstance(run.outcome, Settled)
    assert (run.stats.throttled, run.gaps) == (1, pytest.approx([9.0], abs=0.1))
    assert run.controller.rate < START_PACE


@pytest.mark.parametrize("key_status", [401, 403])
def test_a_key_refused_inside_a_200_is_refused(key_status):
    run = fetch(lambda path, *_: inside_200(key_status) if path == "/key" else error(403), items(5))
    assert stop(run) == (KeyRefusedError, 77)


# 3xx


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
def test_a_redirect_is_never_followed_not_even_on_the_same_host(status):
    connections = []

    async def scenario():
        elsewhere = await asyncio.start_server(lambda _, writer: connections.append(writer), "127.0.0.1", 0)
        target = f"http://127.0.0.1:{elsewhere.sockets[0].getsockname()[1]}/api/v1/generation?id=1"
        clock, cancellation, work = FakeClock(), RunCancellation(), items(2)
        locations = iter([target, "/api/v1/moved"])
        script = lambda *_: reply(status, Location=next(locations))  # noqa: E731  # as short as the others
        async with elsewhere, Server(script, clock).running() as server:
            options = Settings(base_url=server.base_url, concurrency=1)
            async with connected(options) as client:
                return await drained(client, work, clock, cancellation, options, server=server)

    run = asyncio.run(scenario())
    assert run.outcomes == [Pending(each, "redirected", status, None, 1) for each in run.taken]
    assert run.server.requests == [("/generation", each.generation_id) for each in run.taken]
    assert connections == []


def test_ten_redirects_in_a_row_stop_the_run():
    run = fetch(always(reply(302, Location="https://login.example.com/")), items(20))
    assert stop(run) == (UnreachableError, 69)
    assert len(run.server.requests) == 10
    assert [(o.reason, o.charged) for o in run.outcomes] == [("redirected", True)] * 9 + [("interrupted", False)]


def test_nine_redirects_and_a_good_answer_do_not_stop_the_run():
    work = items(19)
    good_one = work[9].generation_id
    run = fetch(lambda _path, i, _nth: generation(i) if i == good_one else reply(302, Location="/"), work)
    assert not run.cancellation
    assert len(run.outcomes) == 19


# 4xx


@pytest.mark.parametrize("status", [400, 405, 410, 413, 418, 422, 451, 499])
def test_an_id_that_the_api_itself_rejects_is_given_up(status):
    run = fetch(always(error(status)), [item()])
    assert run.outcome == Dead(run.taken[0], f"http_{status}", status, 1)


@pytest.mark.parametrize(("status", "kind", "code"), [(401, KeyRefusedError, 77), (402, TryAgainLaterError, 75)])
@pytest.mark.parametrize("body", [HTML, b'{"error": {"code": 1, "message": "no"}}'])
def test_a_refused_key_and_an_empty_account_stop_the_run_and_count_as_no_failure_of_an_id(status, kind, code, body):
    run = fetch(always(reply(status, body)), items(5))
    assert stop(run) == (kind, code)
    assert run.outcome == Pending(run.taken[0], "interrupted", status, None, 1, charged=False)
    assert len(run.server.requests) == 1


@pytest.mark.parametrize("status", [401, 402])
@pytest.mark.parametrize("last", ["settles", "fails"])
def test_what_is_in_flight_when_the_run_stops_still_comes_out(status, last):
    work, cancellation, clock = items(5), RunCancellation(), FakeClock()

    async def one_stops_the_other(path, generation_id):
        await clock.sleep(1.0 if generation_id == work[0].generation_id else 2.0)
        if generation_id == work[0].generation_id:
            return read(status, ERROR)
        return readable_answer(path, generation_id) if last == "settles" else read(500, ERROR)

    run = stand_in(one_stops_the_other, work, clock, cancellation, concurrency=2)
    outcomes = {o.item.generation_id: o for o in run.outcomes}
    assert run.taken == work[:2]
    assert outcomes[work[0].generation_id].charged is False
    other = outcomes[work[1].generation_id]
    if last == "settles":
        assert isinstance(other, Settled)
    else:
        assert (other.reason, other.charged, other.requests) == ("interrupted", False, 1)


@pytest.mark.parametrize("status", [409, 421, 423, 425])
@pytest.mark.parametrize("body", [ERROR, HTML, b""])
def test_a_refusal_that_may_pass_is_tried_again_like_a_failure(status, body):
    run = fetch(always(reply(status, body)), [item()])
    assert run.outcome == Pending(run.taken[0], f"http_{status}", status, None, 4)
    assert run.gaps == pytest.approx([0.5, 1.0, 2.0], abs=0.06)
    assert run.controller.rate == START_PACE
    assert isinstance(fetch(first(reply(status, body), 3), [item()]).outcome, Settled)


lasting = st.sampled_from([400, 403, 404, 405, 410, 413, 418, 422, 428, 451, 499])


@settings(max_examples=100, deadline=None)
@given(
    status=lasting,
    seconds=st.integers(0, 400),
    form=st.sampled_from(["{delta}", "{epoch}", "{epoch}000", "soon"]),
    age=st.sampled_from([MINUTE, 30 * DAY, None]),
    body=st.sampled_from([ERROR, HTML]),
)
def test_any_refusal_with_retry_after_is_tried_again_no_sooner_and_stays_pending(status, seconds, form, age, body):
    text = form.format(delta=seconds, epoch=int(NOON.timestamp()) + seconds)
    run = fetch(always(reply(status, body, Retry_After=text)), [item(age)])
    hint = 0 if form == "soon" else seconds
    assert (type(run.outcome), run.outcome.reason, run.outcome.charged) == (Pending, f"http_{status}", True)
    if hint > 20:
        assert (run.outcome.requests, run.gaps) == (1, [])
        assert run.outcome.not_before == NOON + timedelta(seconds=min(hint, 300))
    else:
        assert (run.outcome.requests, run.outcome.not_before) == (4, None)
        assert form != "{delta}" or min(run.gaps) >= hint - 1e-3


def forbidden(key_status):
    return lambda path, _id, _nth: reply(key_status, b"{}") if path == "/key" else error(403)


@pytest.mark.parametrize(
    ("runs", "reason", "is_dead"),
    [(0, None, False), (1, "forbidden", False), (2, "forbidden", True), (2, "http_500", False)],
)
def test_with_a_good_key_a_forbidden_id_is_given_up_in_its_third_run(runs, reason, is_dead):
    run = fetch(forbidden(200), [item(runs=runs, reason=reason)])
    if is_dead:
        assert run.outcome == Dead(run.taken[0], "http_403", 403, 1)
    else:
        assert run.outcome == Pending(run.taken[0], "forbidden", 403, NOON + REFUSAL_REST, 1)
    assert not run.cancellation


def test_the_key_is_checked_once_in_a_run():
    run = fetch(forbidden(200), items(5))
    assert [path for path, _ in run.server.requests].count("/key") == 1
    assert len(run.outcomes) == 5


@pytest.mark.parametrize("key_status", [401, 403])
def test_with_a_bad_key_a_forbidden_id_stops_the_run(key_status):
    run = fetch(forbidden(key_status), items(5))
    assert stop(run) == (KeyRefusedError, 77)
    assert run.outcome == Pending(run.taken[0], "interrupted", 403, None, 1, charged=False)


@pytest.mark.parametrize("answer", [error(500), error(503), error(429), RESETS])
def test_a_key_check_that_fails_itself_says_nothing_of_the_key(answer):
    work = items(3)
    run = fetch(lambda path, _id, _nth: answer if path == "/key" else error(403), work, patience=MINUTE)
    assert not isinstance(run.cancellation.error, KeyRefusedError)
    assert all(isinstance(o, Pending) for o in run.outcomes)


# 404


@pytest.mark.parametrize(
    ("age", "requests", "next_not_found_check"),
    [
        (timedelta(seconds=10), 2, MINUTE),
        (-5 * MINUTE, 2, MINUTE),
        (8 * MINUTE, 2, 4 * MINUTE),
        (10 * MINUTE, 1, 5 * MINUTE),
        (HOUR, 1, 30 * MINUTE),
        (23 * HOUR, 1, HOUR),
        (DAY - timedelta(seconds=1), 1, HOUR),
    ],
)
def test_an_id_not_found_within_the_grace_is_asked_again_later(age, requests, next_not_found_check):
    run = fetch(always(error(404)), [item(age)])
    waited = timedelta(seconds=2 * (requests - 1))
    assert run.outcome == Pending(run.taken[0], "not_found_yet", 404, NOON + waited + next_not_found_check, requests)
    assert run.gaps == pytest.approx([2.0] * (requests - 1))


@pytest.mark.parametrize("ahead", [DAY + timedelta(seconds=1), 3 * DAY, 3000 * DAY])
def test_an_id_in_the_servers_future_is_asked_again_when_its_second_has_come(ahead):
    run = fetch(always(error(404)), [item(-ahead)])
    assert run.outcome == Pending(run.taken[0], "not_found_yet", 404, NOON + ahead, 1)


@pytest.mark.parametrize("age", [DAY, 30 * DAY, None])
@pytest.mark.parametrize("state", [{}, {"runs": 9, "reason": "not_found_yet"}, {"runs": 1, "reason": "http_500"}])
def test_an_id_not_found_past_the_grace_rests_until_another_night(age, state):
    run = fetch(always(error(404)), [item(age, **state)])
    assert run.outcome == Pending(run.taken[0], "not_found", 404, NOON + timedelta(hours=12), 1)


@pytest.mark.parametrize("age", [DAY, 30 * DAY, None])
@pytest.mark.parametrize("runs", [1, 2, 9])
def test_an_id_not_found_past_the_grace_again_is_dead(age, runs):
    run = fetch(always(error(404)), [item(age, runs=runs, reason="not_found")])
    assert run.outcome == Dead(run.taken[0], "not_found", 404, 1)


def nights(answer, one, starts):
    """What becomes of an ID in runs that begin at these times, each with the time."""
    state, not_before, told = one, None, []
    for start in starts:
        if not_before and not_before > start:
            continue
        outcome = fetch(answer(start), [state], clock=FakeClock(start)).outcome
        told.append((start, outcome))
        if not isinstance(outcome, Pending):
            break
        runs = state.runs + 1 if outcome.reason == state.reason else 1
        state, not_before = replace(state, runs=runs, reason=outcome.reason), outcome.not_before
    return told


pauses = st.lists(st.sampled_from([5 * MINUTE, HOUR, 7 * HOUR, DAY]), min_size=1, max_size=30)


@settings(max_examples=60, deadline=None)
@given(pauses, st.sampled_from([-MINUTE, 2 * HOUR, 23 * HOUR, 30 * DAY, None]), st.sampled_from([404, 403]))
def test_however_often_runs_start_no_refusal_is_final_before_it_was_seen_on_two_nights(pauses, age, status):
    def answer(at):
        return lambda path, *_: reply(200, b"{}") if path == "/key" else error(status, at)

    starts = list(accumulate(pauses, initial=NOON))
    told = nights(answer, item(age), starts)
    refused_at = [at for at, o in told if o.reason in ("not_found", "forbidden")]
    deaths = [at for at, o in told if isinstance(o, Dead)]
    assert all(at - refused_at[0] >= 12 * HOUR for at in deaths)
    assert deaths or starts[-1] - NOON < 4 * DAY


def test_the_second_request_for_a_recent_id_may_find_it():
    run = fetch(first(error(404)), [item(MINUTE)])
    assert isinstance(run.outcome, Settled)
    assert run.outcome.requests == 2


@pytest.mark.parametrize(("grace", "kind"), [(HOUR, Dead), (3 * HOUR, Pending)])
def test_the_grace_is_a_setting(grace, kind):
    run = fetch(always(error(404)), [item(2 * HOUR, runs=1, reason="not_found")], not_found_grace=grace)
    assert isinstance(run.outcome, kind)


clocks = st.integers(-1000 * 24, 1000 * 24).map(lambda hours: NOON + timedelta(hours=hours))


@settings(max_examples=100, deadline=None)
@given(clocks, clocks, st.sampled_from([0, 1]))
def test_an_id_is_as_old_as_the_earlier_of_both_clocks_says(server_says, ours, runs):
    one = item(HOUR, runs=runs, reason="not_found")
    run = fetch(always(error(404, date=server_says)), [one], clock=FakeClock(ours))
    is_past_grace = min(server_says, ours) - one.requested_at >= DAY
    assert isinstance(run.outcome, Dead if is_past_grace and runs else Pending)
    assert (run.outcome.reason == "not_found") is is_past_grace


@pytest.mark.parametrize("date", [None, "yesterday", "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"])
@pytest.mark.parametrize("age", [MINUTE, 100 * DAY, None])
def test_without_a_date_from_the_server_no_id_dies(date, age):
    run = fetch(always(error(404, date=date)), [item(age)])
    assert run.outcome == Pending(run.taken[0], "not_found_yet", 404, NOON + HOUR, 1)


# 5xx and a broken way


@pytest.mark.parametrize("status", [*SERVER_FAILED, 501, 599])
def test_a_failing_server_is_asked_four_times_with_growing_pauses(status):
    run = fetch(always(error(status)), [item()])
    assert run.outcome == Pending(run.taken[0], f"http_{status}", status, None, 4)
    assert run.gaps == pytest.approx([0.5, 1.0, 2.0], abs=0.06)
    assert run.controller.rate == START_PACE


@pytest.mark.parametrize("status", SERVER_FAILED)
def test_a_failing_server_that_recovers_settles(status):
    run = fetch(first(reply(status, HTML), times=3), [item()])
    assert isinstance(run.outcome, Settled)
    assert run.outcome.requests == 4


def test_the_pause_before_the_next_try_is_jittered_down_to_nothing():
    run = fetch(always(error(500)), [item()], random=0.0)
    assert run.outcome.requests == 4
    assert max(run.gaps) < 1.1 / START_PACE


@pytest.mark.parametrize(("answer", "reason"), [(HANGS, "timeout"), (RESETS, "broken"), (cut("gen-1"), "broken")])
def test_a_request_without_a_whole_answer_is_tried_four_times(answer, reason):
    run = fetch(always(answer), [item()], timeout=0.1 if reason == "timeout" else 30)
    assert run.outcome == Pending(run.taken[0], reason, None, None, 4)
    assert run.stats.failures == {reason: 4}


@pytest.mark.parametrize("answer", [RESETS, cut("gen-1")])
def test_a_connection_that_breaks_once_settles(answer):
    run = fetch(first(answer), [item()])
    assert isinstance(run.outcome, Settled)


def test_retries_have_a_budget_for_the_whole_run():
    run = fetch(always(error(500)), items(40), random=0.0)
    assert len(run.server.requests) == 40 + FREE_RETRIES
    assert [o.reason for o in run.outcomes] == ["http_500"] * 40
    assert run.outcomes[-1].requests == 1


def test_good_answers_earn_retries():
    work = items(50)
    bad = {each.generation_id for each in work[10:]}
    run = fetch(lambda _path, i, _nth: error(500) if i in bad else generation(i), work, random=0.0)
    assert len(run.server.requests) == 50 + FREE_RETRIES + 2


# 429


def test_a_throttled_id_is_not_charged_and_all_requests_slow_down():
    run = fetch(first(error(429), times=6), [item()])
    assert isinstance(run.outcome, Settled)
    assert (run.outcome.requests, run.stats.throttled) == (7, 6)
    assert run.controller.rate < START_PACE
    assert not run.cancellation


@pytest.mark.parametrize(
    "headers",
    [
        {"Retry_After": "7"},
        {"Retry_After": f"{(NOON + timedelta(seconds=7)).timestamp():.0f}"},
        {"Retry_After_Ms": "7000"},
        {"X_RateLimit_Reset": "7"},
        {"Retry_After": format_datetime(NOON + timedelta(seconds=7), usegmt=True)},
        {"X_RateLimit_Reset": f"{(NOON + timedelta(seconds=7)).timestamp() * 1000:.0f}"},
    ],
)
@pytest.mark.parametrize("status", [429, 503, 529])
def test_no_request_is_sent_before_the_moment_the_server_named(headers, status):
    work = items(12)
    troubled = work[0].generation_id

    def busy(_path, generation_id, nth):
        return error(status, **headers) if generation_id == troubled and nth == 1 else generation(generation_id)

    run = fetch(busy, work, concurrency=4, random=0.0)
    assert all(isinstance(o, Settled) for o in run.outcomes)
    assert len(run.server.times) == 13
    before = [t for t in run.server.times if t < 7 - 1e-6]
    assert len(before) <= 4
    assert max(before) < 0.2


def test_the_hint_inside_the_error_text_counts_too():
    body = {"error": {"code": 429, "message": "no", "metadata": {"headers": {"Retry-After": "9"}}}}
    run = fetch(first(reply(429, json.dumps(body).encode())), [item()])
    assert run.gaps == pytest.approx([9.0])


def test_nothing_but_429_ends_the_run_after_its_patience():
    run = fetch(always(error(429)), items(20), concurrency=4, patience=5 * MINUTE)
    assert stop(run) == (TryAgainLaterError, 75)
    assert 300 < run.clock.elapsed < 310
    assert {(o.reason, o.charged, o.status) for o in run.outcomes} == {("interrupted", False, 429)}
    assert len(run.outcomes) == 4


def test_with_something_settled_endless_429_is_a_plain_end():
    work = items(5)
    run = fetch(lambda _path, i, _nth: generation(i) if i == work[0].generation_id else error(429), work)
    assert run.cancellation
    assert run.cancellation.error is None
    assert [type(o) for o in run.outcomes] == [Settled, Pending]


def test_any_other_answer_ends_the_row_of_429():
    def mostly_throttled(_path, generation_id, nth):
        return error(429, Retry_After="200") if nth <= 2 else generation(generation_id)

    run = fetch(mostly_throttled, items(4), patience=5 * MINUTE)
    assert not run.cancellation
    assert len(run.outcomes) == 4
    assert run.clock.elapsed > 1600


# 503 and 529


@pytest.mark.parametrize("status", [503, 529])
def test_an_overloaded_server_keeps_the_rate_and_is_asked_four_times(status):
    run = fetch(always(error(status)), [item()], random=0.0)
    assert run.outcome == Pending(run.taken[0], f"http_{status}", status, None, 4)
    assert run.controller.rate == START_PACE
    assert run.gaps[2] >= 0.5 - 1e-6  # after three in a row it is an outage, and probed
    assert max(run.gaps[:2]) < 0.2
    assert run.stats.overloaded == 4


# No connection


def unreachable(work, concurrency):
    async def scenario():
        with socket.socket() as bound:  # bound but not listening: no other program gets the port, and connecting fails
            bound.bind(("127.0.0.1", 0))
            options = Settings(base_url=f"http://127.0.0.1:{bound.getsockname()[1]}", concurrency=concurrency)
            clock = FakeClock()
            async with connected(options) as client:
                return await drained(Timeless(client, clock), work, clock, RunCancellation(), options)

    return asyncio.run(scenario())


@pytest.mark.parametrize("concurrency", [1, 8])
def test_a_server_that_was_never_reached_ends_the_run_after_three_pauses(concurrency):
    run = unreachable(items(20), concurrency)
    assert stop(run) == (UnreachableError, 69)
    assert 7 <= run.clock.elapsed < 9
    assert {(o.reason, o.charged, o.status) for o in run.outcomes} == {("interrupted", False, None)}
    assert 1 <= len(run.outcomes) <= concurrency  # no new ID is admitted while no request gets through
    assert set(run.stats.failures) == {"connect"}


def test_without_concurrency_every_pause_costs_one_request():
    assert unreachable(items(3), 1).stats.requests == 4


def test_an_answer_closes_the_breaker_again():
    clock, asked = FakeClock(), Counter()

    def three_failures_each(path, generation_id):
        asked[generation_id] += 1
        return Err(REFUSED) if asked[generation_id] <= 3 else readable_answer(path, generation_id)

    run = stand_in(three_failures_each, items(3), clock, concurrency=1)
    assert not run.cancellation
    assert [(type(o), o.requests) for o in run.outcomes] == [(Settled, 4)] * 3
    assert clock.elapsed == pytest.approx(3 * 7, abs=0.5)


def reached_except(begin, end, clock, answer=readable_answer):
    """A server that cannot be reached between these seconds; each answer takes 0.1 s."""

    async def script(path, generation_id):
        if begin <= clock.elapsed < end:
            return Err(REFUSED)
        await clock.sleep(0.1)
        return answer(path, generation_id)

    return script


@settings(max_examples=40, deadline=None)
@given(
    begin=st.floats(0.2, 20), seconds=st.floats(1, 285), concurrency=st.sampled_from([1, 3, 16]), content=st.booleans()
)
def test_an_outage_shorter_than_the_patience_does_not_end_the_run(begin, seconds, concurrency, content):
    clock, work = FakeClock(), items(120)
    script = reached_except(begin, begin + seconds, clock)
    run = stand_in(script, work, clock, concurrency=concurrency, content=content, rate=5.0)
    assert not run.cancellation
    assert [type(o) for o in run.outcomes] == [Settled] * len(work)
    assert run.stats.failures["connect"] <= 10 + 4 * concurrency + seconds  # a test request now and then


@settings(max_examples=20, deadline=None)
@given(begin=st.floats(0.2, 20), patience=st.integers(20, 600), concurrency=st.sampled_from([1, 16]))
def test_an_outage_longer_than_the_patience_ends_the_run(begin, patience, concurrency):
    clock = FakeClock()
    script = reached_except(begin, 10**6, clock)
    run = stand_in(script, items(120), clock, concurrency=concurrency, rate=5.0, patience=timedelta(seconds=patience))
    assert stop(run) == (UnreachableError, 69)
    assert patience <= clock.elapsed - begin < patience + 20
    assert {(o.reason, o.charged) for o in run.outcomes if isinstance(o, Pending)} == {("interrupted", False)}


def test_throttling_and_a_lost_connection_have_the_same_patience():
    ends = []
    for failing in (lambda *_: Err(REFUSED), lambda *_: read(429, ERROR)):
        clock, asked = FakeClock(), count()
        run = stand_in(
            lambda path, i, f=failing, a=asked: readable_answer(path, i) if next(a) < 3 else f(), items(9), clock
        )
        assert run.cancellation
        ends.append(clock.elapsed)
    assert ends == pytest.approx([300, 300], abs=12)


# The run's end


def test_a_cancellation_before_the_run_takes_nothing():
    cancellation = RunCancellation()
    cancellation.set()
    run = fetch(good, items(5), cancellation=cancellation, concurrency=4)
    assert (run.outcomes, run.taken) == ([], [])


@settings(max_examples=30, deadline=None)
@given(at=st.floats(0.5, 40), answers_after=st.floats(0, 300), path=st.sampled_from([METADATA, CONTENT]))
@example(at=1.0, answers_after=300.0, path=CONTENT)
def test_a_signal_leaves_requests_in_flight_a_few_seconds(at, answers_after, path):
    clock, cancellation, sent = FakeClock(), RunCancellation(), []

    async def late(which, generation_id):
        if which == path:
            sent.append(clock.elapsed)
            await clock.sleep(answers_after)
        return readable_answer(which, generation_id)

    async def scenario():
        async def end():
            await clock.sleep(at)
            cancellation.set(InterruptedRunError(15))

        options = Settings(concurrency=8, timeout=400.0, content=True)
        run, _ = await asyncio.gather(drained(StandIn(late), items(400), clock, cancellation, options), end())
        return run

    run = asyncio.run(scenario())
    assert clock.elapsed <= at + INTERRUPTED_PATIENCE + 0.01
    assert stop(run) == (InterruptedRunError, 143)
    late_ones = sum(moment + answers_after > at + INTERRUPTED_PATIENCE + 0.01 for moment in sent)
    unsettled = [(o.reason, o.charged) for o in run.outcomes if not isinstance(o, Settled)]
    assert set(unsettled) <= {("interrupted", False)}
    assert len(unsettled) >= late_ones


def test_a_cancellation_wakes_a_worker_that_waits_for_the_next_try():
    cancellation = RunCancellation()

    async def scenario():
        clock = FakeClock()

        async def end():
            await clock.sleep(20.0)
            cancellation.set()

        options = Settings(concurrency=3)
        client = StandIn(lambda *_: read(429, headers={"retry-after": "300"}))
        run, _ = await asyncio.gather(drained(client, items(9), clock, cancellation, options), end())
        return run

    run = asyncio.run(scenario())
    assert run.clock.elapsed == pytest.approx(20.0)
    assert {(o.reason, o.charged) for o in run.outcomes} == {("interrupted", False)}
    assert 1 <= len(run.outcomes) <= 3


DATED = {"date": format_datetime(NOON, usegmt=True)}
ANYTHING = [
    *(lambda *_, e=each: Err(e) for each in (REFUSED, BROKEN, LATE, GONE)),
    lambda path, _: oversized(200, path),
    lambda path, _: read(200, HTML, path=path),
    *(lambda path, _, s=status: read(s, ERROR, DATED, path) for status in (302, 400, 403, 404, 429, 500, 503, 529)),
    *[readable_answer] * 8,
]


@settings(max_examples=60, deadline=None)
@given(
    draw=st.randoms(use_true_random=False),
    number=st.integers(0, 40),
    concurrency=st.integers(1, 12),
    cancel_at=st.integers(0, 80),
    fatal=st.booleans(),
    content=st.booleans(),
)
def test_whatever_comes_back_and_whenever_it_ends_every_item_taken_has_one_outcome(
    draw, number, concurrency, cancel_at, fatal, content
):
    clock, cancellation, asked = FakeClock(), RunCancellation(), count()

    async def anything(path, generation_id):
        await clock.sleep(draw.choice([0.0, 0.01, 0.5, 3.0]))
        if next(asked) == cancel_at:
            if fatal:
                return read(401, ERROR)
            cancellation.set()
        return draw.choice(ANYTHING)(path, generation_id)

    work = [replace(each, runs=draw.randint(0, 5)) for each in items(number)]
    run = stand_in(anything, work, clock, cancellation, concurrency=concurrency, content=content)
    assert run.taken == work if not cancellation else run.taken == work[: len(run.taken)]
    assert all((o.content is not None) == content for o in run.outcomes if isinstance(o, Settled))
    assert all(o.charged == (o.reason != "interrupted") for o in run.outcomes if isinstance(o, Pending))
    assert cancellation or not any(isinstance(o, Pending) and not o.charged for o in run.outcomes)


def test_a_reader_that_leaves_early_is_not_held_up():
    async def scenario():
        clock, cancellation, options = FakeClock(), RunCancellation(), Settings(concurrency=2)
        limiter = AsyncLimiter(RateController(), clock, cancellation, RunStats())
        fetcher = Fetcher(StandIn(readable_answer), limiter, cancellation, options, clock, RunStats(), lambda: 1.0)
        outcomes = fetcher.run(iter(items(50)))
        await anext(outcomes)
        await clock.sleep(60.0)  # meanwhile more outcomes are reached than are read
        leaving = asyncio.create_task(outcomes.aclose())
        done, _ = await asyncio.wait([leaving], timeout=2)
        leaving.cancel()
        assert done

    asyncio.run(scenario())


def test_a_fault_of_our_own_is_not_swallowed():
    def broken(*_):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        stand_in(broken, items(5), FakeClock(), concurrency=2)


# Dead letters


def dead():
    return Dead(item(), "not_found", 404, 1)


def missing():
    return Pending(item(), "not_found", 404, NOON + REFUSAL_REST, 1)


def too_early():
    return Pending(item(), "zero_tokens", 200, NOON + MINUTE, 1)


def settled():
    return Settled(item(), None, NOON, 1)


def pending():
    return Pending(item(), "http_500", 500, None, 4)


def held(outcomes, cancellation=None):
    async def given_outcomes():
        for outcome in outcomes:
            yield outcome

    async def scenario():
        return [o async for o in hold_until_verified(given_outcomes(), cancellation, clock)]

    cancellation = RunCancellation() if cancellation is None else cancellation
    clock = FakeClock()
    return asyncio.run(scenario()), cancellation


def test_fifty_dead_letters_before_anything_is_settled_stay_pending_and_end_the_run():
    outcomes = [dead() for _ in range(MOST_UNVERIFIED)]
    out, cancellation = held(outcomes)
    assert MOST_UNVERIFIED == 50
    assert (type(cancellation.error), int(cancellation.error.code)) == (KeyRefusedError, 77)
    assert out == [Pending(d.item, "interrupted", 404, None, 1, charged=False) for d in outcomes]


def test_what_else_comes_out_while_dead_letters_are_held_is_not_held():
    waiting = pending()
    out, cancellation = held([*[dead() for _ in range(30)], waiting, *[dead() for _ in range(30)]])
    assert out[0] == waiting
    assert cancellation.error
    assert len(out) == 61
    assert not any(isinstance(o, Dead) for o in out)


def test_ids_not_found_past_the_grace_count_as_dead_letters_do():
    outcomes = [missing() if n % 2 else dead() for n in range(MOST_UNVERIFIED)]
    out, cancellation = held(outcomes)
    assert isinstance(cancellation.error, KeyRefusedError)
    assert out == [Pending(o.item, "interrupted", 404, None, 1, charged=False) for o in outcomes]


def test_a_run_that_settles_nothing_makes_nothing_final():
    outcomes = [dead() for _ in range(MOST_UNVERIFIED - 1)]
    out, cancellation = held(outcomes)
    assert out == [Pending(d.item, "not_found", 404, NOON + REFUSAL_REST, 1) for d in outcomes]
    assert not cancellation


@pytest.mark.parametrize(
    ("dead_for", "pending_for"),
    [("http_400", "http_400"), ("not_found", "not_found"), ("http_403", "forbidden"), ("bad_response", "unreadable")],
)
def test_what_is_not_final_keeps_counting_its_runs(dead_for, pending_for):
    [out], _ = held([Dead(item(), dead_for, 400, 2)])
    assert out == Pending(out.item, pending_for, 400, NOON + REFUSAL_REST, 2)


endings = st.sampled_from(["dead", "missing", "failed", "too early"])


@given(st.lists(endings, max_size=45), st.lists(st.sampled_from(["dead", "missing", "settled"]), max_size=80))
def test_nothing_is_final_before_a_record_was_read_and_no_outcome_is_lost(before, after):
    make = {"dead": dead, "missing": missing, "failed": pending, "too early": too_early, "settled": settled}
    outcomes = [make[kind]() for kind in [*before, *after]]
    out, cancellation = held(outcomes)
    assert Counter(o.item.generation_id for o in out) == Counter(o.item.generation_id for o in outcomes)
    if cancellation or not {"settled", "too early"} & {*before, *after}:
        assert not any(isinstance(o, Dead) for o in out)
    else:
        assert {id(o) for o in out} == {id(o) for o in outcomes}


def test_the_first_settled_id_releases_the_dead_letters():
    before, one, after = [dead() for _ in range(MOST_UNVERIFIED - 1)], settled(), [dead() for _ in range(100)]
    out, cancellation = held([*before, one, *after])
    assert out == [*before, one, *after]
    assert not cancellation


def test_an_id_that_is_settled_after_the_run_was_ended_releases_no_dead_letter():
    last = settled()
    out, cancellation = held([*[dead() for _ in range(MOST_UNVERIFIED)], last])
    assert cancellation.error
    assert last in out
    assert not any(isinstance(o, Dead) for o in out)


def test_dead_letters_stay_pending_when_the_run_stops_for_another_reason():
    cancellation = RunCancellation()
    cancellation.set(KeyRefusedError("a", cause="b", fix="c"))
    out, _ = held([dead() for _ in range(3)], cancellation)
    assert not any(isinstance(o, Dead) for o in out)


def test_a_plain_end_without_anything_settled_makes_no_dead_letter():
    cancellation = RunCancellation()
    cancellation.set()
    out, _ = held([dead() for _ in range(3)], cancellation)
    assert [(type(o), o.reason, o.charged) for o in out] == [(Pending, "not_found", True)] * 3


@pytest.mark.parametrize("status", [400, 404])
def test_a_key_of_another_account_makes_no_dead_letter(status):
    async def scenario():
        clock, cancellation, options = FakeClock(), RunCancellation(), Settings(concurrency=4)
        limiter = AsyncLimiter(RateController(), clock, cancellation, RunStats())
        client = StandIn(lambda *_: read(status, ERROR, DATED))
        fetcher = Fetcher(client, limiter, cancellation, options, clock, RunStats(), lambda: 1.0)
        return [o async for o in hold_until_verified(fetcher.run(iter(items(500))), cancellation, clock)], cancellation

    out, cancellation = asyncio.run(scenario())
    assert isinstance(cancellation.error, KeyRefusedError)
    assert 50 <= len(out) <= 60
    assert not any(isinstance(o, Dead) or o.charged for o in out)
