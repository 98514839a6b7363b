"""When the client retries, and after how long, in virtual time."""

import asyncio
from datetime import timedelta
from email.utils import format_datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.clock import NOON, FakeClock
from support.loopback import GENERATION, SECRET, recording, serving, whole

from ingest import (
    AsyncOpenRouter,
    BackoffStrategy,
    Err,
    InvalidRequestError,
    Ok,
    OpenRouterConnectionError,
    RequestAbortedError,
    RequestOptions,
    RequestTimeoutError,
    ResponseValidationError,
    RetryConfig,
    generations_get_generation,
)
from ingest.client.backoff import exponential
from ingest.client.connection_problems import Reason
from ingest.client.errors import BY_STATUS, OpenRouterDefaultError
from ingest.client.retry import Retrying
from ingest.client.retry_after import LONGEST_HINT

STEADY = RetryConfig(backoff=BackoffStrategy(jitter_ms=0))


def answered(status, headers=None, error=None):
    """The error of an answer."""
    response = httpx.Response(status, headers=headers, content=b"{}")
    return BY_STATUS.get(status, OpenRouterDefaultError)("a test", response, error)


def pauses_of(error, config=STEADY, *, random=lambda: 0.0, most=10_000):
    """The pauses in seconds of a call whose every try ends with this error at once."""
    retrying = Retrying(config, 1000.0, random)
    clock, pauses = FakeClock(), []
    while len(pauses) < most:
        pause = retrying.pause_after(error, clock.monotonic(), clock.now())
        if pause is None:
            break
        clock.advance(pause)
        pauses.append(pause)
    return pauses


def pause_of(error, config=STEADY):
    """The first pause, in seconds; None if there is no retry."""
    return next(iter(pauses_of(error, config, most=1)), None)


# Pauses


def test_the_figures_are_those_of_openrouters_sdk():
    backoff = BackoffStrategy()
    figures = (backoff.initial_interval, backoff.max_interval, backoff.exponent, backoff.max_elapsed_time)
    assert figures == (500, 60_000, 1.5, 3_600_000)
    assert RetryConfig() == RetryConfig("backoff", backoff, retry_connection_errors=True, status_codes_override=None)


def test_pauses_grow_from_half_a_second_by_half_to_a_minute_and_last_an_hour():
    pauses = pauses_of(answered(500))
    assert pauses[:4] == [0.5, 0.75, 1.125, 1.6875]
    assert pauses[11] == pytest.approx(0.5 * 1.5**11)
    assert set(pauses[12:]) == {60.0}
    assert 3540 < sum(pauses) <= 3600


@given(st.floats(0, 1))
def test_jitter_adds_up_to_a_second_and_never_exceeds_the_longest_pause(random):
    pauses = pauses_of(answered(500), RetryConfig(), random=lambda: random)
    assert pauses[0] == pytest.approx(0.5 + random)
    assert pauses[1] == pytest.approx(0.75 + random)
    assert max(pauses) == 60


@pytest.mark.parametrize(("tries", "pause"), [(1, 0.5), (2, 1.0), (3, 2.0), (6, 16.0), (7, 20.0), (10**9, 20.0)])
def test_a_backoff_grows_exponentially_up_to_its_cap(tries, pause):
    assert exponential(tries, 0.5, 2.0, 20.0) == pause


def test_no_number_of_tries_is_too_many():
    assert BackoffStrategy().pause(10**9, 1.0) == 60
    assert BackoffStrategy(exponent=1e9).pause(10**9, 1.0) == 60


@pytest.mark.parametrize("value", [-1, float("nan")])
@pytest.mark.parametrize("figure", ["initial_interval", "max_interval", "exponent", "max_elapsed_time", "jitter_ms"])
def test_an_invalid_figure_is_refused(figure, value):
    with pytest.raises(ValueError, match="0 or more"):
        BackoffStrategy(**{figure: value})


# Errors that are retried


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 524, 529, 599])
def test_429_and_5xx_are_retried(status):
    assert pause_of(answered(status)) == 0.5


@pytest.mark.parametrize("status", [301, 400, 401, 402, 403, 404, 408, 409, 422, 499, 600])
def test_any_other_answer_is_final(status):
    assert pause_of(answered(status)) is None


@pytest.mark.parametrize(
    ("codes", "retried"),
    [
        (["404"], {404}),
        (["408", "5XX"], {408, 500, 503, 599}),
        (["4xx"], {400, 404, 408, 429}),
        (["503"], {503}),
        ([503], {503}),
        ([], set()),
        (["XX"], set()),
        (["5XXX"], set()),
        (["5"], set()),
        (None, {429, 500, 503, 599}),
    ],
)
def test_the_statuses_to_retry_may_be_named(codes, retried):
    config = RetryConfig(backoff=STEADY.backoff, status_codes_override=codes)
    statuses = (302, 400, 404, 408, 429, 500, 503, 599)
    assert {status for status in statuses if pause_of(answered(status), config)} == retried


def test_without_a_strategy_nothing_is_retried():
    config = RetryConfig("none", retry_connection_errors=True, status_codes_override=["429"])
    assert pause_of(answered(429), config) is None
    assert pause_of(OpenRouterConnectionError("refused", connected=False), config) is None


@pytest.mark.parametrize(
    "error",
    [
        OpenRouterConnectionError("refused", connected=False),
        OpenRouterConnectionError("reset", connected=True),
        RequestTimeoutError("too slow"),
    ],
)
def test_no_answer_is_a_reason_to_retry_unless_declined(error):
    assert pause_of(error, RetryConfig(backoff=STEADY.backoff, retry_connection_errors=False)) is None
    assert pause_of(error, RetryConfig(backoff=STEADY.backoff)) == 0.5


@pytest.mark.parametrize("reason", Reason)
def test_no_connection_is_retried_if_a_retry_can_change_it(reason):
    error = OpenRouterConnectionError("refused", connected=False, reason=reason)
    pause = pause_of(error, RetryConfig(backoff=STEADY.backoff))
    assert pause == (None if reason in ("certificate", "trust_store", "proxy_setting") else 0.5)


@pytest.mark.parametrize(
    "error",
    [
        RequestAbortedError("closed"),
        InvalidRequestError("no ID"),
        ResponseValidationError("cut", httpx.Response(200, content=b"{")),
    ],
)
def test_an_error_that_a_retry_cannot_fix_is_never_retried(error):
    assert pause_of(error, RetryConfig(retry_connection_errors=True)) is None


# Hints


@pytest.mark.parametrize(
    "headers",
    [
        {"retry-after-ms": "7000"},
        {"Retry-After": "7"},
        {"Retry-After": format_datetime(NOON + timedelta(seconds=7), usegmt=True)},
        {"X-RateLimit-Reset": f"{NOON.timestamp() + 7:.0f}"},
        {"X-RateLimit-Reset": f"{(NOON.timestamp() + 7) * 1000:.0f}"},
    ],
)
@pytest.mark.parametrize("status", [429, 503, 529])
def test_a_hint_is_the_pause_in_headers_and_in_the_error(headers, status):
    assert pause_of(answered(status, headers)) == pytest.approx(7)
    inside = {"code": status, "message": "slow", "metadata": {"headers": headers}}
    assert pause_of(answered(status, error=inside)) == pytest.approx(7)


@pytest.mark.parametrize("headers", [{"Retry-After": "0"}, {"Retry-After": "soon"}, {"X-RateLimit-Reset": "0"}])
def test_a_hint_that_says_nothing_leaves_the_backoff(headers):
    assert pauses_of(answered(429, headers), most=3) == [0.5, 0.75, 1.125]


def test_a_hint_beyond_the_time_allowed_ends_the_call():
    assert pause_of(answered(429, {"Retry-After": "61"}), within(60_000)) is None
    assert pause_of(answered(429, {"Retry-After": "60"}), within(60_000)) == 60


def within(elapsed):
    return RetryConfig(backoff=BackoffStrategy(max_elapsed_time=elapsed, jitter_ms=0))


@pytest.mark.parametrize(("elapsed", "tries"), [(0, 0), (499, 0), (500, 1), (1249, 1), (1250, 2), (2375, 3)])
def test_no_retry_begins_after_the_time_allowed(elapsed, tries):
    assert len(pauses_of(answered(500), within(elapsed))) == tries


def test_the_time_the_tries_take_counts_too():
    retrying = Retrying(within(10_000), 1000.0, lambda: 0.0)
    assert retrying.pause_after(answered(500), 1009.5, NOON) == 0.5
    assert retrying.pause_after(answered(500), 1009.5, NOON) is None


@pytest.mark.parametrize(("hint", "pause"), [("1", 0.5), ("499", 0.5), ("700", 0.7)])
def test_a_hint_is_a_floor_and_the_backoff_another(hint, pause):
    retrying = Retrying(RetryConfig(), 1000.0, lambda: 0.0)
    assert retrying.pause_after(answered(429, {"retry-after-ms": hint}), 1000.0, NOON) == pytest.approx(pause)


def test_only_the_two_strategies_are_known():
    with pytest.raises(ValueError, match="exponential"):
        RetryConfig("exponential")


figures = st.floats(0, 1e5)
headers = st.dictionaries(
    st.sampled_from(["retry-after-ms", "retry-after", "x-ratelimit-reset"]),
    st.one_of(st.floats().map(str), st.integers(-(10**15), 10**15).map(str)),
)


@given(
    backoff=st.builds(
        BackoffStrategy,
        initial_interval=st.floats(1, 1e5),
        max_interval=st.floats(1, 1e6),
        exponent=st.floats(1, 1e9),
        max_elapsed_time=st.floats(0, 1e5),
        jitter_ms=figures,
    ),
    answers=st.lists(headers, min_size=1, max_size=5),
    random=st.floats(0, 1),
)
def test_no_call_waits_longer_than_allowed_and_no_pause_than_the_longest(backoff, answers, random):
    retrying = Retrying(RetryConfig(backoff=backoff), 1000.0, lambda: random)
    clock, total = FakeClock(), 0.0
    for n in range(200):
        pause = retrying.pause_after(answered(429, answers[n % len(answers)]), clock.monotonic(), clock.now())
        if pause is None:
            break
        assert 0 < pause <= max(LONGEST_HINT, backoff.max_interval / 1000)
        clock.advance(pause)
        total += pause
    assert total * 1000 <= backoff.max_elapsed_time + 1e-3


# The same over real sockets, in virtual time


def asked(*answers, options=None, server=None, **arguments):
    """The result of a call with these answers, its virtual seconds, and its number of tries."""
    requests, clock = [], FakeClock()

    async def scenario(base_url):
        arguments.setdefault("random", lambda: 0.0)
        async with AsyncOpenRouter(SECRET, server_url=server or base_url, clock=clock, **arguments) as client:
            return await generations_get_generation(client, id="gen-1", options=options)

    with serving(recording(requests, *answers)) as base_url:
        return asyncio.run(scenario(base_url)), clock.elapsed, len(requests)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    """Do not use a proxy of the machine that runs the tests."""
    monkeypatch.setenv("NO_PROXY", "*")


FAILED = whole(b"", status=500)
GOOD = whole(GENERATION)


def test_a_client_waits_between_its_tries():
    result, seconds, requests = asked(FAILED, FAILED, FAILED, GOOD)
    assert isinstance(result, Ok)
    assert (seconds, requests) == (0.5 + 0.75 + 1.125, 4)


def test_a_client_draws_its_jitter():
    _, seconds, _ = asked(FAILED, GOOD, random=lambda: 0.5)
    assert seconds == 1.0


def test_a_client_gives_up_after_an_hour():
    result, seconds, requests = asked(whole(b"", b"Retry-After: 300", status=429))
    assert isinstance(result, Err)
    assert result.error.status_code == 429
    assert (seconds, requests) == (3600, 13)


def test_a_client_waits_as_the_server_asks():
    reset = (NOON.timestamp() + 40) * 1000
    body = b'{"error": {"code": 429, "message": "slow", "metadata": {"headers": {"X-RateLimit-Reset": "%d"}}}}' % reset
    later = b"Retry-After: " + format_datetime(NOON + timedelta(seconds=30), usegmt=True).encode()
    answers = [
        whole(b"", b"retry-after-ms: 2500", status=429),
        whole(b"", b"Retry-After: 20", status=503),
        whole(b"", later, status=529),  # 7.5 s after that
        whole(body, status=429),  # and 10 s more
        GOOD,
    ]
    result, seconds, requests = asked(*answers)
    assert isinstance(result, Ok)
    assert (seconds, requests) == (40, 5)


def test_a_call_may_have_retries_of_its_own():
    once = RequestOptions(retries=RetryConfig("none"))
    assert asked(FAILED, GOOD, options=once)[1:] == (0, 1)
    assert asked(FAILED, GOOD, retries=RetryConfig("none"))[1:] == (0, 1)
    assert asked(FAILED, GOOD, retries=RetryConfig("none"), options=RequestOptions(retries=STEADY))[1:] == (0.5, 2)
    missing = whole(b"", status=404)
    assert asked(missing, GOOD)[1:] == (0, 1)
    assert asked(missing, GOOD, options=RequestOptions(retry_codes=["404"]))[1:] == (0.5, 2)
    assert asked(FAILED, GOOD, options=RequestOptions(retry_codes=["404"]))[1:] == (0, 1)


def test_a_client_without_a_connection_retries_unless_configured_not_to():
    unreachable = "http://127.0.0.1:1"
    impatient = RetryConfig(retry_connection_errors=False)
    patient = RetryConfig(backoff=BackoffStrategy(max_elapsed_time=2_375))
    for retries, least, most in ((None, 3_500, 3_600), (impatient, 0, 0), (patient, 2.375, 2.375)):
        result, seconds, _ = asked(GOOD, server=unreachable, retries=retries)
        assert type(result.error) is OpenRouterConnectionError
        assert least <= seconds <= most
