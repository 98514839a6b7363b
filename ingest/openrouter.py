"""The OpenRouter client as one importable whole: what ``from ingest import …`` finds, gathered."""

from ingest.api_errors import (
    BadGatewayResponseError,
    BadRequestResponseError,
    EdgeNetworkTimeoutResponseError,
    ForbiddenResponseError,
    InternalServerResponseError,
    InvalidRequestError,
    NotFoundResponseError,
    OpenRouterConnectionError,
    OpenRouterDefaultError,
    OpenRouterError,
    PaymentRequiredResponseError,
    ProviderOverloadedResponseError,
    RequestAbortedError,
    RequestTimeoutError,
    ResponseError,
    ResponseValidationError,
    TooManyRequestsResponseError,
    UnauthorizedResponseError,
)
from ingest.blocking import OpenRouter
from ingest.client import AsyncOpenRouter
from ingest.exchange import RequestOptions
from ingest.generations import generations_get_generation, generations_list_generation_content
from ingest.responses import (
    GenerationContentData,
    GenerationContentDataOutput,
    GenerationContentError,
    GenerationContentErrorAttempt,
    GenerationContentInput,
    GenerationContentResponse,
    GenerationResponse,
    GenerationResponseData,
    ProviderResponse,
)
from ingest.result import Err, Ok
from ingest.retries import BackoffStrategy, RetryConfig

__all__ = [
    "AsyncOpenRouter",
    "BackoffStrategy",
    "BadGatewayResponseError",
    "BadRequestResponseError",
    "EdgeNetworkTimeoutResponseError",
    "Err",
    "ForbiddenResponseError",
    "GenerationContentData",
    "GenerationContentDataOutput",
    "GenerationContentError",
    "GenerationContentErrorAttempt",
    "GenerationContentInput",
    "GenerationContentResponse",
    "GenerationResponse",
    "GenerationResponseData",
    "InternalServerResponseError",
    "InvalidRequestError",
    "NotFoundResponseError",
    "Ok",
    "OpenRouter",
    "OpenRouterConnectionError",
    "OpenRouterDefaultError",
    "OpenRouterError",
    "PaymentRequiredResponseError",
    "ProviderOverloadedResponseError",
    "ProviderResponse",
    "RequestAbortedError",
    "RequestOptions",
    "RequestTimeoutError",
    "ResponseError",
    "ResponseValidationError",
    "RetryConfig",
    "TooManyRequestsResponseError",
    "UnauthorizedResponseError",
    "generations_get_generation",
    "generations_list_generation_content",
]
