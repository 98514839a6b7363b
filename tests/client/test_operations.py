"""The operations as methods that raise and as functions that return, with either kind of client."""

import asyncio
import inspect
from inspect import Parameter
from typing import get_overloads

import pytest
from support.loopback import CONTENT, GENERATION, SECRET, recording, serving, whole

from ingest import (
    AsyncOpenRouter,
    Err,
    GenerationContentResponse,
    GenerationResponse,
    InvalidRequestError,
    NotFoundResponseError,
    Ok,
    OpenRouter,
    OpenRouterConnectionError,
    OpenRouterError,
    RequestOptions,
    RetryConfig,
    generations_get_generation,
    generations_list_generation_content,
)
from ingest.client.operations import AsyncGenerations, Generations

MISSING = whole(b'{"error": {"code": 404, "message": "Generation gen-1 not found"}}', status=404)
ONCE = RetryConfig("none")
KEYWORD_ONLY = Parameter.KEYWORD_ONLY
OPERATIONS = [
    pytest.param("get_generation", generations_get_generation, GENERATION, GenerationResponse, id="metadata"),
    pytest.param(
        "list_generation_content", generations_list_generation_content, CONTENT, GenerationContentResponse, id="content"
    ),
]


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    """Do not use a proxy of the machine that runs the tests."""
    monkeypatch.setenv("NO_PROXY", "*")


def asynchronously(use, base_url):
    async def scenario():
        async with AsyncOpenRouter(SECRET, server_url=base_url, retries=ONCE) as client:
            return await use(client)

    return asyncio.run(scenario())


def synchronously(use, base_url):
    with OpenRouter(SECRET, server_url=base_url, retries=ONCE) as client:
        return use(client)


@pytest.mark.parametrize("run", [synchronously, asynchronously])
@pytest.mark.parametrize(("name", "function", "body", "kind"), OPERATIONS)
def test_function_and_method_return_the_same(run, name, function, body, kind):
    with serving(recording([], whole(body))) as base_url:
        result = run(lambda client: function(client, id="gen-1"), base_url)
        value = run(lambda client: getattr(client.generations, name)(id="gen-1"), base_url)
    assert type(value) is kind
    assert result == Ok(value)


@pytest.mark.parametrize("run", [synchronously, asynchronously])
@pytest.mark.parametrize(("name", "function", "body", "kind"), OPERATIONS)
def test_the_function_returns_the_error_that_the_method_raises(run, name, function, body, kind):
    with serving(recording([], MISSING)) as base_url:
        result = run(lambda client: function(client, id="gen-1"), base_url)
        with pytest.raises(NotFoundResponseError, match="Generation gen-1 not found"):
            run(lambda client: getattr(client.generations, name)(id="gen-1"), base_url)
    assert isinstance(result, Err)
    assert type(result.error) is NotFoundResponseError


@pytest.mark.parametrize("run", [synchronously, asynchronously])
@pytest.mark.parametrize(("name", "function", "body", "kind"), OPERATIONS)
def test_a_function_does_not_raise_for_a_bad_id_or_an_unreachable_server(run, name, function, body, kind):
    invalid = run(lambda client: function(client, id="../key"), "http://127.0.0.1:1")
    unreachable = run(lambda client: function(client, id="gen-1"), "http://127.0.0.1:1")
    assert type(invalid.error) is InvalidRequestError
    assert type(unreachable.error) is OpenRouterConnectionError


@pytest.mark.parametrize("run", [synchronously, asynchronously])
@pytest.mark.parametrize(("name", "function", "body", "kind"), OPERATIONS)
def test_options_reach_the_server(run, name, function, body, kind):
    requests = []
    options = RequestOptions(headers={"X-Trace": "7"})
    with serving(recording(requests, whole(body))) as base_url:
        run(lambda client: function(client, id="gen-1", options=options), base_url)
        run(lambda client: getattr(client.generations, name)(id="gen-1", options=options), base_url)
    assert [b"X-Trace: 7\r\n".lower() in request.lower() for request in requests] == [True, True]


def test_results_are_made_for_match():
    def described(result):
        match result:
            case Ok(GenerationResponse(data=data)):
                return f"cost {data.usage}"
            case Err(NotFoundResponseError(status_code=status)):
                return f"not yet: {status}"
            case Err(OpenRouterError()):
                return "something else"

    with serving(recording([], whole(GENERATION), MISSING, whole(b"", status=500))) as base_url:
        results = [
            synchronously(lambda client: generations_get_generation(client, id="gen-1"), base_url) for _ in "123"
        ]
    assert [described(result) for result in results] == ["cost 0.500000000000", "not yet: 404", "something else"]


@pytest.mark.parametrize(("name", "function", "body", "kind"), OPERATIONS)
def test_arguments_are_named(name, function, body, kind):
    for method in (getattr(Generations, name), getattr(AsyncGenerations, name)):
        _, *parameters = inspect.signature(method).parameters.values()
        assert [(p.name, p.kind) for p in parameters] == [("id", KEYWORD_ONLY), ("options", KEYWORD_ONLY)]
        assert method.__doc__
    assert inspect.iscoroutinefunction(getattr(AsyncGenerations, name))
    assert len(get_overloads(function)) == 2


def test_both_kinds_of_client_have_the_same_operations():
    def public(kind):
        return {name for name in vars(kind) if not name.startswith("_")}

    assert public(Generations) == public(AsyncGenerations) == {"get_generation", "list_generation_content"}


def test_both_kinds_of_client_take_the_same_arguments():
    sync = inspect.signature(OpenRouter).parameters
    more = {"user_agent", "clock", "random"}
    assert list(sync) == [name for name in inspect.signature(AsyncOpenRouter).parameters if name not in more]
