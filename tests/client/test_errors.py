"""Every documented status has an error class, every class has one sentence, and no error contains the key."""

import inspect
import json
import pickle
import re
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.loopback import SECRET

from ingest.client import errors
from ingest.client.errors import (
    BY_STATUS,
    OpenRouterConnectionError,
    OpenRouterDefaultError,
    OpenRouterError,
    ResponseError,
    ResponseValidationError,
)
from ingest.client.request import GET_GENERATION, GET_KEY, LIST_GENERATION_CONTENT, RequestBuilder
from ingest.client.result import Ok
from ingest.client.retry import RetryConfig
from ingest.client.validation import response_error

OPENAPI = Path(__file__).parents[3] / "shared/facts/openrouter-generation.openapi.yaml"
CLASSES = [c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, OpenRouterError)]


def result_of(status, body=b"", operation=GET_GENERATION, **headers):
    exchange = RequestBuilder(SECRET, {}, "https://openrouter.ai/api/v1", 1, RetryConfig())
    call = exchange.prepare(operation, {"id": "gen-1"}, None)
    return call.read(httpx.Response(status, headers=headers, request=call.request), body)


def error_of(status, body=b"", operation=GET_GENERATION, **headers):
    return result_of(status, body, operation, **headers).error


@pytest.mark.skipif(not OPENAPI.exists(), reason="the API's own text is not part of the repository")
def test_every_status_the_api_documents_has_a_class_named_as_there():
    text = OPENAPI.read_text(encoding="utf-8")
    documented = re.findall(
        r"^ +'([3-5]\d\d)':$.*?\$ref: '#/components/schemas/(\w+)'$", text, re.MULTILINE | re.DOTALL
    )
    assert {"401", "402", "403", "404", "429", "500", "502", "524", "529"} == {status for status, _ in documented}
    for status, schema in documented:
        assert BY_STATUS[int(status)].__name__ == f"{schema}Error"


def test_no_class_stands_for_two_statuses():
    assert len(set(BY_STATUS.values())) == len(BY_STATUS) == 10
    for status, kind in BY_STATUS.items():
        assert kind.__doc__.startswith(f"{status}: ")


@pytest.mark.parametrize("kind", CLASSES)
def test_each_class_says_in_one_sentence_what_it_means(kind):
    first, *rest = kind.__doc__.split("\n\n")
    assert re.fullmatch(r"(\d{3}: )?\S[^.\n]+\.", first)
    assert all(part.strip().startswith("Attributes:") for part in rest)
    assert kind.__name__ in errors.__doc__


@pytest.mark.parametrize("kind", CLASSES)
def test_each_class_is_under_the_one_base(kind):
    assert issubclass(kind, OpenRouterError)
    answered = "Response" in kind.__name__ or kind is OpenRouterDefaultError
    assert issubclass(kind, ResponseError) == answered


@pytest.mark.parametrize("status", [s for s in range(100, 600) if not 200 <= s < 300])
def test_every_status_without_success_is_an_error(status):
    error = error_of(status)
    assert type(error) is BY_STATUS.get(status, OpenRouterDefaultError)
    assert (error.status_code, error.message) == (status, f"HTTP {status}")


def test_an_error_shows_all_of_the_answer():
    body = b'{"error": {"code": 404, "message": "No such generation", "metadata": {"reason": "new"}}, "user_id": "u"}'
    error = error_of(404, body, **{"X-Ray": "7", "Content-Type": "application/json"})
    assert str(error) == error.message == "No such generation"
    assert (error.status_code, error.code, error.metadata) == (404, 404, {"reason": "new"})
    assert error.error == {"code": 404, "message": "No such generation", "metadata": {"reason": "new"}}
    assert error.body == body.decode()
    assert error.headers["x-ray"] == "7"
    assert error.raw_response.json()["user_id"] == "u"
    assert error.raw_response.status_code == 404


@pytest.mark.parametrize(
    ("body", "code", "message", "metadata"),
    [
        (b'{"error": {"code": "not_found", "message": "gone"}}', "not_found", "gone", None),
        (b'{"error": {"message": null, "metadata": null}}', None, "HTTP 404", None),
        (b'{"error": {"message": ["a", 1]}}', None, "['a', 1]", None),
        (b'{"error": {}}', None, "HTTP 404", None),
        (b'{"error": "gone"}', None, "HTTP 404", None),
        (b'{"error": null}', None, "HTTP 404", None),
        (b"[]", None, "HTTP 404", None),
        (b"<html>", None, "HTTP 404", None),
        (b"\xff\xfe", None, "HTTP 404", None),
        (b"", None, "HTTP 404", None),
    ],
)
def test_an_error_accepts_what_compatible_servers_send(body, code, message, metadata):
    error = error_of(404, body)
    assert (error.code, error.message, error.metadata) == (code, message, metadata)
    assert isinstance(error.body, str)


envelopes = st.fixed_dictionaries(
    {},
    optional={"data": st.sampled_from([None, {}, []]), "user_id": st.text(max_size=5), "success": st.booleans()},
)
error_codes = st.integers(400, 599)


@given(error_codes, st.booleans(), envelopes, st.sampled_from([200, 201, 202]), st.booleans())
def test_a_success_that_holds_an_error_is_that_error(code, is_text, envelope, status, is_content):
    inner = {"code": str(code) if is_text else code, "message": "no", "metadata": {"headers": {"Retry-After": "7"}}}
    body = json.dumps({**envelope, "error": inner}).encode()
    error = error_of(status, body, operation=LIST_GENERATION_CONTENT if is_content else GET_GENERATION)
    assert type(error) is BY_STATUS.get(code, OpenRouterDefaultError)
    assert (error.status_code, error.code, error.message, error.error) == (code, inner["code"], "no", inner)
    assert (error.raw_response.status_code, error.body) == (status, body.decode())
    again = pickle.loads(pickle.dumps(error))  # noqa: S301  # our own
    assert again.status_code == code


odd_codes = st.one_of(
    st.integers(max_value=399),
    st.integers(min_value=600, max_value=2**63),
    st.sampled_from([None, True, "", "rate_limited", "4290", "-429", [429], {"code": 429}, 429.5, "٤٢٩"]),
)


@given(odd_codes)
def test_a_success_whose_error_names_no_status_cannot_be_read(code):
    error = error_of(200, json.dumps({"error": {"code": code, "message": "no"}}).encode())
    assert (type(error), error.status_code) == (ResponseValidationError, 200)


@given(error_codes)
def test_data_counts_more_than_an_error_beside_it(code):
    body = {"data": {"id": "gen-1", "usage": 0.5}, "error": {"code": code}}
    assert isinstance(result_of(200, json.dumps(body).encode()), Ok)


@given(error_codes)
def test_the_check_of_the_key_fails_by_an_error_inside_a_success(code):
    error = error_of(200, json.dumps({"error": {"code": code}}).encode(), operation=GET_KEY)
    assert error.status_code == code
    assert isinstance(result_of(200, b'{"data": {"label": "sk-or-v1-..."}}', operation=GET_KEY), Ok)


@pytest.mark.parametrize("charset", ["hex", "rot13", "base64", "nonsense", "undefined", "idna", "utf-16"])
def test_the_body_can_be_read_whatever_charset_it_claims(charset):
    error = error_of(502, b"{}", **{"Content-Type": f"text/html; charset={charset}"})
    assert isinstance(error.body, str)


def test_the_answer_shows_what_was_asked_but_not_the_key():
    error = error_of(401)
    request = error.raw_response.request
    assert (request.method, str(request.url)) == ("GET", "https://openrouter.ai/api/v1/generation?id=gen-1")
    assert "authorization" not in request.headers
    assert SECRET not in f"{vars(error)} {request.headers.raw} {vars(error.raw_response)}"


def test_an_error_without_an_answer_has_no_status():
    error = OpenRouterConnectionError("refused", connected=False)
    assert (error.status_code, error.message, str(error), error.connected) == (None, "refused", "refused", False)


@pytest.mark.parametrize("error", [error_of(404), error_of(500, b"{}"), OpenRouterConnectionError("x", connected=True)])
def test_an_error_can_be_sent_to_another_process(error):
    again = pickle.loads(pickle.dumps(error))  # noqa: S301  # our own
    assert (type(again), again.message, again.status_code) == (type(error), error.message, error.status_code)
    assert vars(again).keys() == vars(error).keys()


@pytest.mark.parametrize(
    ("body", "metadata", "user_id"),
    [
        ({"error": {"code": 404}, "openrouter_metadata": {"a": 1}, "user_id": "user_1"}, {"a": 1}, "user_1"),
        ({"error": {"code": 404}, "openrouter_metadata": None, "user_id": None}, None, None),
        ({"error": {"code": 404}}, None, None),
        ({"openrouter_metadata": [1], "user_id": 7}, None, None),
        ([1], None, None),
        ("text", None, None),
    ],
)
@pytest.mark.parametrize("status", [400, 404, 418, 500])
def test_what_openrouter_says_beside_the_error_object(body, metadata, user_id, status):
    content = json.dumps(body).encode() if body != "text" else b"<html>"
    error = response_error(httpx.Response(status, content=content))
    assert (error.openrouter_metadata, error.user_id) == (metadata, user_id)
    assert pickle.loads(pickle.dumps(error)).user_id == user_id  # noqa: S301  # our own
