import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.scripted_answers import CONTENT, ERROR, HTML, METADATA, content_body, generation_body, oversized, read

from ingest.client.errors import (
    InvalidRequestError,
    OpenRouterConnectionError,
    RequestAbortedError,
    RequestTimeoutError,
)
from ingest.client.result import Err, Ok
from ingest.fetch import answer_policy
from ingest.fetch.answer_policy import Verdict, answer_of, backoff, next_not_found_check, reason_of, verdict_of
from ingest.fetch.ratelimit.controller import Answer

OPENAPI = Path(__file__).parents[3] / "shared/facts/openrouter-generation.openapi.yaml"
PATHS = {METADATA: generation_body("gen-1"), CONTENT: content_body("gen-1")}

DESIGNED = {
    200: Verdict.READ,
    301: Verdict.REDIRECT,
    302: Verdict.REDIRECT,
    307: Verdict.REDIRECT,
    308: Verdict.REDIRECT,
    400: Verdict.REJECTED,
    401: Verdict.KEY_REFUSED,
    402: Verdict.OUT_OF_CREDITS,
    403: Verdict.FORBIDDEN,
    404: Verdict.NOT_FOUND,
    408: Verdict.FAILED,
    409: Verdict.FAILED,
    421: Verdict.FAILED,
    423: Verdict.FAILED,
    425: Verdict.FAILED,
    410: Verdict.REJECTED,
    422: Verdict.REJECTED,
    429: Verdict.THROTTLED,
    500: Verdict.FAILED,
    502: Verdict.FAILED,
    503: Verdict.OVERLOADED,
    504: Verdict.FAILED,
    524: Verdict.FAILED,
    529: Verdict.OVERLOADED,
}
BY_CLASS = {1: Verdict.UNREADABLE, 2: Verdict.READ, 3: Verdict.REDIRECT, 4: Verdict.REJECTED, 5: Verdict.FAILED}


def verdict_on(status, path=METADATA):
    """The verdict on an answer as the API gives it: what was asked for, or its JSON error."""
    return verdict_of(read(status, PATHS[path] if status // 100 == 2 else ERROR, path=path))


@pytest.mark.parametrize(("status", "verdict"), DESIGNED.items())
@pytest.mark.parametrize("path", PATHS)
def test_a_status_means_what_the_policy_table_says(path, status, verdict):
    assert verdict_on(status, path) is verdict


@pytest.mark.parametrize("status", range(100, 600))
def test_every_status_has_a_verdict(status):
    assert verdict_on(status) is DESIGNED.get(status, BY_CLASS[status // 100])


@given(st.integers(-(10**9), 10**9), st.sampled_from([b"", HTML, ERROR, *PATHS.values()]), st.sampled_from(list(PATHS)))
def test_no_answer_a_server_may_send_is_without_a_verdict_and_only_a_success_is_read(status, body, path):
    result = read(status, body, path=path)
    assert (verdict_of(result) is Verdict.READ) == isinstance(result, Ok)
    assert isinstance(verdict_of(result), Verdict)
    assert status // 100 == 2 or not isinstance(result, Ok)


@pytest.mark.skipif(not OPENAPI.exists(), reason="the API's own text is not part of the repository")
def test_every_status_the_api_documents_is_one_we_decided_on():
    documented = {int(s) for s in re.findall(r"^\s+'(\d{3})':$", OPENAPI.read_text(encoding="utf-8"), re.MULTILINE)}
    assert {200, 401, 402, 403, 404, 429, 500, 502, 524, 529} <= documented
    assert documented <= DESIGNED.keys()
    assert {s: verdict_on(s) for s in documented} == {s: DESIGNED[s] for s in documented}


def test_only_what_kills_or_hides_an_id_needs_the_apis_own_words():
    assert {Verdict.REJECTED, Verdict.FORBIDDEN, Verdict.NOT_FOUND} == answer_policy.ONLY_AS_JSON


@pytest.mark.parametrize("status", range(300, 600))
def test_without_the_apis_own_words_such_an_answer_is_unreadable_and_any_other_means_the_same(status):
    expected = DESIGNED.get(status, BY_CLASS[status // 100])
    if expected in answer_policy.ONLY_AS_JSON:
        expected = Verdict.UNREADABLE
    for result in (read(status), read(status, HTML), read(status, b'{"error": "no"}'), oversized(status)):
        assert verdict_of(result) is expected


hint_names = st.sampled_from(["Retry-After", "retry-after", "RETRY-AFTER-MS"])
hint_values = st.one_of(st.integers(0, 10**16).map(str), st.sampled_from(["", "soon", "Fri, 20 Nov 2026 12:00:06 GMT"]))


@given(st.integers(300, 599), hint_names, hint_values, st.booleans(), st.sampled_from(list(PATHS)), st.booleans())
def test_a_refusal_that_asks_for_a_later_try_gives_no_id_up(status, name, value, is_inside, path, is_200):
    error = {"code": status, "message": "no", "metadata": {"headers": {name: value} if is_inside else {}}}
    headers = {} if is_inside else {name: value}
    sent_as = 200 if is_200 and status >= 400 else status
    verdict = verdict_of(read(sent_as, json.dumps({"error": error}).encode(), headers, path))
    expected = DESIGNED.get(status, BY_CLASS[status // 100])
    assert verdict is (Verdict.FAILED if expected in answer_policy.ONLY_AS_JSON else expected)
    assert verdict not in answer_policy.ONLY_AS_JSON


@pytest.mark.parametrize("path", PATHS)
def test_a_success_that_is_not_what_was_asked_for_is_unreadable(path):
    [other] = PATHS.keys() - {path}
    for status in (200, 201, 204):
        for body in (b"", HTML, ERROR, PATHS[path][:-1], PATHS[other]):
            assert verdict_of(read(status, body, path=path)) is Verdict.UNREADABLE
        assert verdict_of(oversized(status, path)) is Verdict.UNREADABLE


WITHOUT_AN_ANSWER = [
    (OpenRouterConnectionError("refused", connected=False), Verdict.UNREACHED, "connect"),
    (OpenRouterConnectionError("reset", connected=True), Verdict.FAILED, "broken"),
    (RequestTimeoutError("late"), Verdict.FAILED, "timeout"),
    (RequestAbortedError("the client is closed"), Verdict.FAILED, "broken"),
    (InvalidRequestError("no generation ID"), Verdict.FAILED, "broken"),
]


@pytest.mark.parametrize(("error", "verdict", "reason"), WITHOUT_AN_ANSWER)
def test_a_request_without_an_answer_is_a_failure_and_without_a_connection_the_server_is_unreached(
    error, verdict, reason
):
    assert verdict_of(Err(error)) is verdict
    assert reason_of(error) == reason


@pytest.mark.parametrize("status", range(300, 600))
def test_an_answers_reason_is_its_status(status):
    for result in (read(status, ERROR), read(status, HTML)):
        assert reason_of(result.error) == f"http_{status}"


def answer_to(result):
    return answer_of(result, verdict_of(result))


@pytest.mark.parametrize("status", range(100, 600))
@pytest.mark.parametrize("body", [ERROR, HTML, b""])
def test_the_limiter_learns_of_429_503_and_529_and_any_other_answer_was_taken(status, body):
    special = {429: Answer.THROTTLED, 503: Answer.OVERLOADED, 529: Answer.OVERLOADED}
    assert answer_to(read(status, body)) is special.get(status, Answer.TAKEN)


@pytest.mark.parametrize("path", PATHS)
def test_a_success_was_taken_whatever_it_holds(path):
    for result in (read(200, PATHS[path], path=path), read(200, HTML, path=path), oversized(200, path)):
        assert answer_to(result) is Answer.TAKEN


@pytest.mark.parametrize("error", [error for error, _, _ in WITHOUT_AN_ANSWER])
def test_a_request_without_an_answer_has_failed_for_the_limiter(error):
    assert answer_to(Err(error)) is Answer.FAILED


def test_every_verdict_tells_the_limiter_something():
    assert answer_policy.ANSWERS.keys() == set(Verdict)
    assert {v for v, answer in answer_policy.ANSWERS.items() if answer is not Answer.TAKEN} == {
        Verdict.THROTTLED,
        Verdict.OVERLOADED,
        Verdict.UNREACHED,
        Verdict.FAILED,
    }


def test_only_hints_of_a_server_that_refuses_for_load_are_kept_to():
    assert {429, 503, 529} == answer_policy.HINTING


@given(st.integers(1, 100), st.floats(0, 1))
def test_backoff_is_full_jitter_below_a_doubling_ceiling(tries, random):
    ceiling = backoff(tries, 1.0)
    assert ceiling == min(0.5 * 2 ** (tries - 1), 20)
    assert 0 <= backoff(tries, random) <= ceiling
    assert backoff(tries, 0.0) == 0


@given(st.timedeltas())
def test_the_next_request_comes_after_half_the_age_between_a_minute_and_an_hour(age):
    after = next_not_found_check(age)
    assert timedelta(minutes=1) <= after <= timedelta(hours=1)
    if timedelta(minutes=2) <= age <= timedelta(hours=2):
        assert after == age / 2
