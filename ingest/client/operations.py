"""The operations: as methods that raise, and as functions that return `Ok` or `Err`.

The functions are made for ``match``; with an asynchronous client they are awaited::

    match generations_get_generation(client, id="gen-…"):
        case Ok(response):
            print(response.data.usage)
        case Err(NotFoundResponseError()):
            print("not recorded yet")
        case Err(error):
            raise error
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar, overload

from ingest.client.request import GET_GENERATION, LIST_GENERATION_CONTENT
from ingest.client.result import Ok

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping

    from ingest.client.request import Operation, RequestOptions, Result
    from ingest.core.api_records import GenerationContentResponse, GenerationResponse

T = TypeVar("T")


class Caller(Protocol):
    """A synchronous client."""

    def call(
        self, operation: Operation[T], params: Mapping[str, str], options: RequestOptions | None = None
    ) -> Result[T]:
        """Call an operation; what happens on the way is returned."""


class AsyncCaller(Protocol):
    """An asynchronous client."""

    async def call(
        self, operation: Operation[T], params: Mapping[str, str], options: RequestOptions | None = None
    ) -> Result[T]:
        """Call an operation; what happens on the way is returned."""


@overload
def generations_get_generation(
    client: Caller, *, id: str, options: RequestOptions | None = None
) -> Result[GenerationResponse]: ...
@overload
def generations_get_generation(
    client: AsyncCaller, *, id: str, options: RequestOptions | None = None
) -> Coroutine[Any, Any, Result[GenerationResponse]]: ...
def generations_get_generation(
    client: Caller | AsyncCaller, *, id: str, options: RequestOptions | None = None
) -> Result[GenerationResponse] | Coroutine[Any, Any, Result[GenerationResponse]]:
    """Ask for a generation's metadata: cost, tokens, times, providers.

    Args:
        client: The client; an asynchronous one makes this awaitable.
        id: The generation ID.
        options: What this call does differently.

    Returns:
        ``Ok`` with the answer, or ``Err`` with one of `ingest.client.errors`.
    """
    return client.call(GET_GENERATION, {"id": id}, options)


@overload
def generations_list_generation_content(
    client: Caller, *, id: str, options: RequestOptions | None = None
) -> Result[GenerationContentResponse]: ...
@overload
def generations_list_generation_content(
    client: AsyncCaller, *, id: str, options: RequestOptions | None = None
) -> Coroutine[Any, Any, Result[GenerationContentResponse]]: ...
def generations_list_generation_content(
    client: Caller | AsyncCaller, *, id: str, options: RequestOptions | None = None
) -> Result[GenerationContentResponse] | Coroutine[Any, Any, Result[GenerationContentResponse]]:
    """Ask for what was said: prompt or messages, completion and reasoning, and the error of one that failed.

    OpenRouter keeps that only where logging was on, and shows it to a management key or the generation's owner.

    Args:
        client: The client; an asynchronous one makes this awaitable.
        id: The generation ID.
        options: What this call does differently.

    Returns:
        ``Ok`` with the answer, or ``Err`` with one of `ingest.client.errors`.
    """
    return client.call(LIST_GENERATION_CONTENT, {"id": id}, options)


class Generations:
    """The operations of a synchronous client."""

    def __init__(self, client: Caller) -> None:
        self._client = client

    def get_generation(self, *, id: str, options: RequestOptions | None = None) -> GenerationResponse:
        """As `generations_get_generation`, but an error is raised: one of `ingest.client.errors`."""
        return _value(generations_get_generation(self._client, id=id, options=options))

    def list_generation_content(self, *, id: str, options: RequestOptions | None = None) -> GenerationContentResponse:
        """As `generations_list_generation_content`, but an error is raised: one of `ingest.client.errors`."""
        return _value(generations_list_generation_content(self._client, id=id, options=options))


class AsyncGenerations:
    """The operations of an asynchronous client."""

    def __init__(self, client: AsyncCaller) -> None:
        self._client = client

    async def get_generation(self, *, id: str, options: RequestOptions | None = None) -> GenerationResponse:
        """As `generations_get_generation`, but an error is raised: one of `ingest.client.errors`."""
        return _value(await generations_get_generation(self._client, id=id, options=options))

    async def list_generation_content(
        self, *, id: str, options: RequestOptions | None = None
    ) -> GenerationContentResponse:
        """As `generations_list_generation_content`, but an error is raised: one of `ingest.client.errors`."""
        return _value(await generations_list_generation_content(self._client, id=id, options=options))


def _value(result: Result[T]) -> T:
    if isinstance(result, Ok):
        return result.value
    raise result.error
