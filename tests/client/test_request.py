"""One call without its I/O: the request that is built, and the result of an answer."""

import gzip
import string
import traceback
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.loopback import CONTENT, GENERATION, SECRET

from ingest import (
    AsyncOpenRouter,
    Err,
    GenerationContentResponse,
    GenerationResponse,
    InvalidRequestError,
    NotFoundResponseError,
    Ok,
    OpenRouter,
    OpenRouterError,
    RequestOptions,
    ResponseValidationError,
    RetryConfig,
)
from ingest.client.credentials import ApiKey
from ingest.client.request import (
    GET_GENERATION,
    GET_KEY,
    LIST_GENERATION_CONTENT,
    MEBIBYTE,
    RequestBuilder,
)
from ingest.client.validation import ID, LONGEST_MESSAGE
from ingest.core.generation_id import is_generation_id

URL = "https://openrouter.ai/api/v1"
ONCE = RetryConfig("none")


def exchange(api_key=SECRET, server_url=URL, timeout=30.0, retries=ONCE, **headers):
    return RequestBuilder(api_key, headers, server_url, timeout, retries)


def call(generation_id="gen-1", operation=GET_GENERATION, *, of=None, **options):
    return (of or exchange()).prepare(operation, {"id": generation_id}, RequestOptions(**options))


def read(status, body, operation=GET_GENERATION, **headers):
    asked = call(operation=operation)
    return asked.read(httpx.Response(status, headers=headers, request=asked.request), body)


# Requests


@pytest.mark.parametrize(
    ("operation", "params", "url", "largest"),
    [
        (GET_GENERATION, {"id": "gen-1"}, f"{URL}/generation?id=gen-1", MEBIBYTE),
        (LIST_GENERATION_CONTENT, {"id": "gen-1"}, f"{URL}/generation/content?id=gen-1", 64 * MEBIBYTE),
        (GET_KEY, {}, f"{URL}/key", MEBIBYTE),
    ],
)
def test_an_operation_is_a_get_at_its_path(operation, params, url, largest):
    request = exchange().prepare(operation, params, None).request
    assert (request.method, str(request.url), request.content) == ("GET", url, b"")
    assert operation.largest == largest


def test_each_request_carries_the_key_and_the_headers_of_the_client():
    request = call(of=exchange(**{"X-One": "1", "X-None": None})).request
    assert request.headers["authorization"] == f"Bearer {SECRET}"
    assert request.headers["x-one"] == "1"
    assert "x-none" not in request.headers


def test_a_slash_behind_the_server_changes_nothing():
    assert str(call(of=exchange(server_url=URL + "/")).request.url) == f"{URL}/generation?id=gen-1"


@given(st.text(string.ascii_letters + string.digits + "._~-", min_size=1, max_size=200))
def test_an_accepted_id_is_in_the_url_unchanged(generation_id):
    assert call(generation_id).request.url.raw_path == f"/api/v1/generation?id={generation_id}".encode()


@given(st.one_of(st.text(), st.binary(), st.none(), st.integers(), st.lists(st.text())))
def test_any_other_id_is_refused(generation_id):
    if isinstance(generation_id, str) and ID.fullmatch(generation_id):
        return
    with pytest.raises(InvalidRequestError) as caught:
        call(generation_id)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500


@given(st.from_regex(ID, fullmatch=True))
def test_every_generation_id_found_in_logs_is_accepted(text):
    generation_id = f"gen-1761000000-{text}"[:100]
    assert not is_generation_id(generation_id) or call(generation_id)


@given(st.dictionaries(st.text(), st.text()))
def test_an_added_parameter_changes_neither_the_id_nor_the_path(params):
    try:
        url = call(params=params).request.url
    except InvalidRequestError:
        return
    assert url.path == "/api/v1/generation"
    assert url.params.get_list("id") == ["gen-1"]
    assert {k: v for k, v in url.params.items() if k != "id"} == {k: v for k, v in params.items() if k != "id"}


odd_text = st.one_of(st.text(), st.text("ab=;, \r\n\t\0é\x7f", max_size=8))


@given(st.dictionaries(odd_text, odd_text, max_size=2), st.dictionaries(odd_text, odd_text, max_size=2))
def test_headers_and_cookies_are_sent_unchanged_or_refused(headers, cookies):
    try:
        request = call(headers=headers, cookies=cookies).request
    except InvalidRequestError:
        return
    for name, value in request.headers.raw:
        assert not set(name + value) & set(b"\r\n\x00")
    for name in headers:
        assert request.headers[name] in headers.values()


@pytest.mark.parametrize(
    "options",
    [
        {"headers": {"X": "two\nlines"}},
        {"headers": {"X": 7}},
        {"headers": {"X": b"7"}},
        {"headers": {7: "X"}},
        {"headers": {"two words": "x"}},
        {"cookies": {"a": 1}},
        {"cookies": {"a": "b\r\nX-Evil: 1"}},
        {"params": "a=1"},
        {"extensions": 7},
        {"timeout": 0},
        {"timeout": float("nan")},
        {"timeout": "30"},
        {"server_url": "http://openrouter.ai"},
        {"server_url": 7},
        {"server_url": ""},
    ],
)
def test_invalid_options_are_refused(options):
    with pytest.raises(InvalidRequestError):
        call(**options)


def test_a_calls_options_override_the_clients():
    own = RetryConfig()
    of = exchange(retries=ONCE, timeout=30)
    assert call(of=of).retries is ONCE
    assert call(of=of).timeout == 30
    assert call(of=of, retries=own).retries is own
    assert call(of=of, timeout=7).timeout == 7
    named = call(of=of, retries=own, retry_codes=["404"]).retries
    assert (named.strategy, list(named.status_codes_override)) == ("backoff", ["404"])
    assert of.prepare(GET_GENERATION, {"id": "gen-1"}, None).retries is ONCE


@pytest.mark.parametrize(("seconds", "connect"), [(1, 0.5), (8, 4), (20, 10), (600, 10)])
def test_connecting_may_take_half_of_the_time_and_ten_seconds_at_most(seconds, connect):
    limits = call(timeout=seconds).request.extensions["timeout"]
    assert limits == {"connect": connect, "read": seconds, "write": seconds, "pool": seconds}


@pytest.mark.parametrize("key", [SECRET, ApiKey(SECRET, "a test"), lambda: SECRET, lambda: f" {SECRET}\n"])
def test_the_key_may_come_in_several_forms(key):
    assert call(of=exchange(key)).request.headers["authorization"] == f"Bearer {SECRET}"


@pytest.mark.parametrize("key", ["", "two\nlines", "é", 7, b"sk-or-v1"])
def test_an_invalid_key_is_refused_whether_given_or_returned(key):
    with pytest.raises(InvalidRequestError):
        exchange(key)
    with pytest.raises(InvalidRequestError):
        call(of=exchange(lambda: key))


def test_a_function_that_returns_no_key_is_an_error():
    with pytest.raises(InvalidRequestError):
        call(of=exchange(lambda: None))


def test_the_key_shows_in_no_text_of_what_is_sent():
    asked = call()
    for each in (asked, asked.request, asked.request.headers, exchange()):
        assert SECRET not in f"{each} {each!r}"


# Results


@pytest.mark.parametrize(
    ("operation", "body", "kind"),
    [(GET_GENERATION, GENERATION, GenerationResponse), (LIST_GENERATION_CONTENT, CONTENT, GenerationContentResponse)],
)
def test_a_success_is_its_value(operation, body, kind):
    result = read(200, body, operation)
    assert isinstance(result, Ok)
    assert type(result.value) is kind


@given(st.integers(100, 999), st.binary())
def test_any_answer_is_ok_or_err(status, body):
    result = read(status, body)
    assert isinstance(result, Err)
    assert isinstance(result.error, OpenRouterError)
    assert (result.error.status_code, result.error.raw_response.content) == (status, body)


def test_an_unreadable_body_makes_a_success_an_error_and_keeps_an_error_answers_status():
    asked = call()
    for status, kind in ((200, ResponseValidationError), (404, NotFoundResponseError)):
        response = httpx.Response(status, headers={"X-Ray": "7"})
        error = asked.unreadable(response, "it is cut").error
        assert type(error) is kind
        assert (error.body, error.headers["x-ray"]) == ("", "7")
    assert str(asked.unreadable(httpx.Response(200), "it is cut").error) == "the answer cannot be read: it is cut"


def test_the_answer_that_is_shown_has_the_body_as_it_was_read():
    error = read(404, b'{"error": {"code": 404, "message": "none"}}', **{"Content-Encoding": "gzip"}).error
    assert error.raw_response.json()["error"]["message"] == "none"
    assert "content-encoding" not in error.headers
    assert gzip.compress(error.raw_response.content)


def test_headers_of_an_answer_are_kept_byte_by_byte():
    asked = call()
    raw = [(b"X-Odd", b"\xc3\x28"), (b"Set-Cookie", b"a=1"), (b"Set-Cookie", b"b=2"), (b"X-Name", "Zoë".encode())]
    error = asked.read(httpx.Response(500, headers=raw), b"").error
    assert [(k, v) for k, v in error.headers.raw if k.lower() != b"content-length"] == raw
    assert error.headers["x-name"]


# The key is masked everywhere


@pytest.mark.parametrize("status", [401, 302, 200])
def test_a_key_that_the_server_repeats_is_masked(status):
    body = f'{{"error": {{"code": 401, "message": "bad key {SECRET}", "metadata": {{"key": "{SECRET}"}}}}}}'.encode()
    error = read(status, body, **{"X-Key": f"Bearer {SECRET}"}).error
    shown = [str(error), error.message, error.body, error.headers, error.metadata, error.error, error.raw_response.text]
    assert SECRET not in repr(shown)
    assert error.headers["x-key"] == "Bearer [masked]"


@pytest.mark.parametrize("client", [OpenRouter, AsyncOpenRouter])
@pytest.mark.parametrize("wrong", [{"timeout": -1}, {"server_url": "ftp://x"}, {"http_referer": "a\nb"}])
def test_a_key_is_in_no_local_variable_of_a_traceback(client, wrong):
    try:
        client(SECRET, **wrong)
    except InvalidRequestError as error:
        frames = traceback.StackSummary.extract(traceback.walk_tb(error.__traceback__), capture_locals=True)
    ours = [frame for frame in frames if not Path(frame.filename).is_relative_to(Path(__file__).parents[1])]
    assert ours
    assert SECRET not in repr([frame.locals for frame in ours])


def test_a_long_message_is_cut_and_the_body_keeps_all_of_it():
    error = read(500, b'{"error": {"code": 500, "message": "' + b"x" * 100_000 + b'"}}').error
    assert (len(str(error)), len(error.body)) == (LONGEST_MESSAGE, 100_039)


# Options that are refused or have no effect


@pytest.mark.parametrize("name", ["Transfer-Encoding", "content-length", "Host", "Connection"])
def test_headers_of_the_transport_are_refused(name):
    with pytest.raises(InvalidRequestError, match="set by the transport only"):
        call(headers={name: "chunked"})


def test_headers_and_cookies_may_be_pairs_and_extensions_do_not_change_the_deadline():
    asked = call(headers=[("X-A", "1")], cookies=[("b", "2")], extensions={"timeout": None, "trace": None}, timeout=3)
    assert (asked.request.headers["x-a"], asked.request.headers["cookie"]) == ("1", "b=2")
    assert asked.request.extensions["timeout"]["read"] == 3


@pytest.mark.parametrize("codes", ["5XX", ["6XX"], ["5"], [503, "X"]])
def test_invalid_statuses_to_retry_are_refused(codes):
    with pytest.raises(InvalidRequestError, match="not a status to retry"):
        call(retry_codes=codes)


# The user's own client or transport


@pytest.mark.parametrize(
    ("client", "way"),
    [
        (OpenRouter, {"client": httpx.AsyncClient}),
        (OpenRouter, {"transport": httpx.AsyncHTTPTransport}),
        (OpenRouter, {"client": httpx.Client, "transport": httpx.HTTPTransport}),
        (AsyncOpenRouter, {"client": httpx.Client}),
        (AsyncOpenRouter, {"transport": httpx.HTTPTransport}),
        (AsyncOpenRouter, {"client": httpx.AsyncClient, "transport": httpx.AsyncHTTPTransport}),
    ],
)
def test_a_client_of_the_other_kind_or_a_client_with_a_transport_is_refused(client, way):
    with pytest.raises(InvalidRequestError):
        client(SECRET, **{name: kind() for name, kind in way.items()})


def test_options_do_not_show_headers_and_cookies_which_may_be_secrets():
    options = RequestOptions(headers={"Authorization": f"Bearer {SECRET}"}, cookies={"session": SECRET}, timeout=3)
    assert "timeout=3" in repr(options)
    assert SECRET not in repr(options)


def test_a_key_too_short_to_be_real_is_not_masked_in_answers():
    asked = call(of=exchange("error"))
    error = asked.read(httpx.Response(500), b'{"error": {"code": 500, "message": "an error"}}').error
    assert str(error) == "an error"
