"""The API's operations, as functions that return `Ok` or `Err`, and as methods that raise.

The functions are made for ``match``. With an asynchronous client they are awaited::

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
        """Call an operation. Errors are returned, not raised."""


class AsyncCaller(Protocol):
    """An asynchronous client."""

    async def call(
        self, operation: Operation[T], params: Mapping[str, str], options: RequestOptions | None = None
    ) -> Result[T]:
        """Call an operation. Errors are returned, not raised."""


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
    """Fetch a generation's metadata: cost in USD, tokens, times in ms, providers.

    Args:
        client: The client. With an asynchronous one, the result is awaited.
        id: The generation ID.
        options: Options of this call only.

    Returns:
        ``Ok`` with the answer, or ``Err`` with one of the errors of `ingest.client.errors`. Nothing is raised.
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
    """Fetch a generation's content: prompt or messages, completion and reasoning, and the error of one that failed.

    OpenRouter stores content only where logging was on, and returns it only to a management key or the generation's
    owner.

    Args:
        client: The client. With an asynchronous one, the result is awaited.
        id: The generation ID.
        options: Options of this call only.

    Returns:
        ``Ok`` with the answer, or ``Err`` with one of the errors of `ingest.client.errors`. Nothing is raised.
    """
    return client.call(LIST_GENERATION_CONTENT, {"id": id}, options)


class Generations:
    """The operations of a synchronous client, as methods that raise."""

    def __init__(self, client: Caller) -> None:
        self._client = client

    def get_generation(self, *, id: str, options: RequestOptions | None = None) -> GenerationResponse:
        """Like `generations_get_generation`, but the errors of `ingest.client.errors` are raised."""
        return _value(generations_get_generation(self._client, id=id, options=options))

    def list_generation_content(self, *, id: str, options: RequestOptions | None = None) -> GenerationContentResponse:
        """Like `generations_list_generation_content`, but the errors of `ingest.client.errors` are raised."""
        return _value(generations_list_generation_content(self._client, id=id, options=options))


class AsyncGenerations:
    """The operations of an asynchronous client, as methods that raise."""

    def __init__(self, client: AsyncCaller) -> None:
        self._client = client

    async def get_generation(self, *, id: str, options: RequestOptions | None = None) -> GenerationResponse:
        """Like `generations_get_generation`, but the errors of `ingest.client.errors` are raised."""
        return _value(await generations_get_generation(self._client, id=id, options=options))

    async def list_generation_content(
        self, *, id: str, options: RequestOptions | None = None
    ) -> GenerationContentResponse:
        """Like `generations_list_generation_content`, but the errors of `ingest.client.errors` are raised."""
        return _value(await generations_list_generation_content(self._client, id=id, options=options))


def _value(result: Result[T]) -> T:
    if isinstance(result, Ok):
        return result.value
    raise result.error
