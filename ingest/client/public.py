"""The public names of the client: the one list of what ``from ingest import …`` offers."""

from ingest.client.async_client import AsyncOpenRouter as AsyncOpenRouter
from ingest.client.errors import (
    BadGatewayResponseError as BadGatewayResponseError,
    BadRequestResponseError as BadRequestResponseError,
    EdgeNetworkTimeoutResponseError as EdgeNetworkTimeoutResponseError,
    ForbiddenResponseError as ForbiddenResponseError,
    InternalServerResponseError as InternalServerResponseError,
    InvalidRequestError as InvalidRequestError,
    NotFoundResponseError as NotFoundResponseError,
    OpenRouterConnectionError as OpenRouterConnectionError,
    OpenRouterDefaultError as OpenRouterDefaultError,
    OpenRouterError as OpenRouterError,
    PaymentRequiredResponseError as PaymentRequiredResponseError,
    ProviderOverloadedResponseError as ProviderOverloadedResponseError,
    RequestAbortedError as RequestAbortedError,
    RequestTimeoutError as RequestTimeoutError,
    ResponseError as ResponseError,
    ResponseValidationError as ResponseValidationError,
    TooManyRequestsResponseError as TooManyRequestsResponseError,
    UnauthorizedResponseError as UnauthorizedResponseError,
)
from ingest.client.operations import (
    generations_get_generation as generations_get_generation,
    generations_list_generation_content as generations_list_generation_content,
)
from ingest.client.request import RequestOptions as RequestOptions
from ingest.client.result import (
    Err as Err,
    Ok as Ok,
)
from ingest.client.retry import (
    BackoffStrategy as BackoffStrategy,
    RetryConfig as RetryConfig,
)
from ingest.client.sync_client import OpenRouter as OpenRouter
from ingest.core.api_records import (
    GenerationContentData as GenerationContentData,
    GenerationContentDataOutput as GenerationContentDataOutput,
    GenerationContentError as GenerationContentError,
    GenerationContentErrorAttempt as GenerationContentErrorAttempt,
    GenerationContentInput as GenerationContentInput,
    GenerationContentResponse as GenerationContentResponse,
    GenerationResponse as GenerationResponse,
    GenerationResponseData as GenerationResponseData,
    ProviderResponse as ProviderResponse,
)
