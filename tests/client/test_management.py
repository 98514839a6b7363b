"""The management client against real servers on loopback."""

import asyncio
import json
from decimal import Decimal

import pytest
from support.clock import FakeClock
from support.loopback import SECRET, body_of, hang, headers_of, listening, recording, reset, sending, whole

from ingest.client.credentials import ApiKey
from ingest.client.management import REQUESTS, SPAN, ManagementClient
from ingest.core.errors import KeyRefusedError, OrusageError

OK = whole(b'{"data": [{"usage": 0.123456789012345678901, "requests": "7"}], "total_count": 1, "new": {"a": 1e2}}')


def management_key():
    return ApiKey(SECRET, "a test")


def asked(answer, ask, clock=None, **options):
    """What `ask(client)` returns, with a server that answers like `answer`."""

    async def run():
        options.setdefault("timeout", 5.0)
        async with (
            listening(answer) as url,
            ManagementClient(management_key, url, clock=clock or FakeClock(), **options) as client,
        ):
            return await ask(client)

    return asyncio.run(run())


def refused(answer, ask=lambda client: client.get("/credits"), **options):
    with pytest.raises(OrusageError) as caught:
        asked(answer, ask, **options)
    assert SECRET not in str(caught.value)
    assert caught.value.cause
    assert caught.value.fix
    return caught.value


def failing(status, message="no", times=99, headers=(), then=OK):
    requests = []
    failure = whole(json.dumps({"error": {"code": status, "message": message}}).encode(), *headers, status=status)
    return requests, recording(requests, *[failure] * times, then)


def test_numbers_are_exact_and_unknown_fields_stay():
    answer = asked(recording([], OK), lambda client: client.get("/keys"))
    assert answer.data == [{"usage": Decimal("0.123456789012345678901"), "requests": "7"}]
    assert answer.beside == {"total_count": 1, "new": {"a": Decimal("1e2")}}


def test_get_sends_its_parameters_and_the_key():
    requests = []
    asked(recording(requests, OK), lambda client: client.get("/keys", {"workspace_id": "a&b", "offset": "100"}))
    assert requests[0].startswith(b"GET /api/v1/keys?workspace_id=a%26b&offset=100 HTTP/1.1")
    assert headers_of(requests[0])["authorization"] == f"Bearer {SECRET}"


def test_post_sends_json():
    requests = []
    asked(recording(requests, OK), lambda client: client.post("/analytics/query", {"metrics": ["a"], "limit": 10}))
    assert requests[0].startswith(b"POST /api/v1/analytics/query HTTP/1.1")
    assert headers_of(requests[0])["content-type"] == "application/json"
    assert json.loads(body_of(requests[0])) == {"metrics": ["a"], "limit": 10}


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 524, 529])
def test_what_may_pass_is_tried_again_with_the_same_body(status):
    requests, answer = failing(status, times=3)
    assert asked(answer, lambda client: client.post("/analytics/query", {"limit": 1})).data
    assert [body_of(request) for request in requests] == [b'{"limit":1}'] * 4


def test_a_caller_may_take_a_failure_at_once():
    requests, answer = failing(408)
    assert asked(answer, lambda client: client.try_post("/x", {}, retried=("429",))).error.status_code == 408
    assert len(requests) == 1


def test_the_server_says_how_long_to_wait():
    clock = FakeClock()
    _, answer = failing(429, times=1, headers=(b"Retry-After: 33",))
    asked(answer, lambda client: client.get("/credits"), clock=clock)
    assert 33 <= clock.elapsed < 40


@pytest.mark.parametrize("status", [408, 429, 500, 529])
def test_patience_ends(status):
    clock = FakeClock()
    requests, answer = failing(status, "too busy")
    error = refused(answer, clock=clock, patience=60.0)
    assert error.code == (75 if status == 429 else 69)
    assert clock.elapsed <= 60
    assert len(requests) > 3
    assert f"HTTP {status}: too busy" in error.cause


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_of_the_wrong_kind_is_told_which_one_is_needed_and_where_it_is_made(status):
    requests, answer = failing(status, f"only management keys, not {SECRET}")
    error = refused(answer)
    assert isinstance(error, KeyRefusedError)
    assert error.code == 77
    assert "…test" in error.what  # which key was used
    assert "management key" in error.what
    assert all(
        part in error.fix
        for part in (
            "https://openrouter.ai/settings/management-keys",
            "OPENROUTER_MANAGEMENT_KEY",
            "--management-key-file",
        )
    )
    assert len(requests) == 1


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        (whole(b"<html>", status=200), 65, "does not answer like OpenRouter"),
        (whole(b'{"credits": 1}'), 65, "does not answer like OpenRouter"),
        (whole(b"[1]"), 65, "does not answer like OpenRouter"),
        (whole(b'{"error": {"code": 403, "message": "management"}}'), 77, "management key"),
        (whole(b"", b"Location: https://elsewhere.test/", status=302), 69, "redirects"),
        (whole(b'{"error": {"code": 400, "message": "no such metric"}}', status=400), 65, "no such metric"),
        (whole(b"404 page not found", status=404), 65, "--base-url"),
        (whole(b'{"error": {"code": 402}}', status=402), 75, "credits"),
        (whole(b"x", b"Content-Encoding: gzip"), 65, "does not answer like OpenRouter"),
    ],
)
def test_every_other_failure_has_its_exit_code(answer, code, words):
    requests = []
    error = refused(recording(requests, answer))
    assert error.code == code
    assert words in str(error)
    assert len(requests) == 1


@pytest.mark.parametrize("answer", [reset, hang, sending(b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{")])
def test_without_an_answer_the_api_is_unreachable(answer):
    assert refused(answer, timeout=0.1, patience=5.0).code == 69


def test_a_server_that_is_not_there_is_unreachable():
    async def run():
        async with ManagementClient(management_key, "http://127.0.0.1:1", clock=FakeClock(), patience=5.0) as client:
            await client.get("/credits")

    with pytest.raises(OrusageError, match="cannot be reached") as caught:
        asyncio.run(run())
    assert caught.value.code == 69


def test_an_answer_over_the_cap_is_not_read(monkeypatch):
    monkeypatch.setattr("ingest.client.management.LARGEST", 1000)
    assert refused(recording([], whole(b'{"data": "' + b"x" * 1000 + b'"}'))).code == 65


def test_a_missing_key_is_told_in_its_own_words(monkeypatch):
    def missing():
        raise KeyRefusedError("no management key", cause="c", fix="f")

    async def run():
        async with ManagementClient(missing, "http://127.0.0.1:1"):
            pass

    with pytest.raises(KeyRefusedError, match="no management key"):
        asyncio.run(run())


def test_no_minute_has_more_requests_than_the_api_allows_retries_included():
    clock, times = FakeClock(), []

    async def answer(_, writer):
        times.append(clock.monotonic())
        writer.write(whole(b"{}", status=500) if len(times) % 3 == 0 else OK)
        await writer.drain()

    async def ask(client):
        for _ in range(REQUESTS + 10):
            await client.get("/credits")

    asked(answer, ask, clock=clock)
    assert len(times) > REQUESTS + 20
    assert all(late - early >= SPAN - 1e-6 for early, late in zip(times, times[REQUESTS:], strict=False))
