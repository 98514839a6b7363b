"""The public names of the client: all that ``from ingest import …`` finds, each listed once."""

from ingest.client.async_client import (
    AsyncOpenRouter as AsyncOpenRouter,
)
from ingest.client.errors import (
    BadGatewayResponseError as BadGatewayResponseError,
)
from ingest.client.errors import (
    BadRequestResponseError as BadRequestResponseError,
)
from ingest.client.errors import (
    EdgeNetworkTimeoutResponseError as EdgeNetworkTimeoutResponseError,
)
from ingest.client.errors import (
    ForbiddenResponseError as ForbiddenResponseError,
)
from ingest.client.errors import (
    InternalServerResponseError as InternalServerResponseError,
)
from ingest.client.errors import (
    InvalidRequestError as InvalidRequestError,
)
from ingest.client.errors import (
    NotFoundResponseError as NotFoundResponseError,
)
from ingest.client.errors import (
    OpenRouterConnectionError as OpenRouterConnectionError,
)
from ingest.client.errors import (
    OpenRouterDefaultError as OpenRouterDefaultError,
)
from ingest.client.errors import (
    OpenRouterError as OpenRouterError,
)
from ingest.client.errors import (
    PaymentRequiredResponseError as PaymentRequiredResponseError,
)
from ingest.client.errors import (
    ProviderOverloadedResponseError as ProviderOverloadedResponseError,
)
from ingest.client.errors import (
    RequestAbortedError as RequestAbortedError,
)
from ingest.client.errors import (
    RequestTimeoutError as RequestTimeoutError,
)
from ingest.client.errors import (
    ResponseError as ResponseError,
)
from ingest.client.errors import (
    ResponseValidationError as ResponseValidationError,
)
from ingest.client.errors import (
    TooManyRequestsResponseError as TooManyRequestsResponseError,
)
from ingest.client.errors import (
    UnauthorizedResponseError as UnauthorizedResponseError,
)
from ingest.client.operations import (
    generations_get_generation as generations_get_generation,
)
from ingest.client.operations import (
    generations_list_generation_content as generations_list_generation_content,
)
from ingest.client.request import (
    RequestOptions as RequestOptions,
)
from ingest.client.result import (
    Err as Err,
)
from ingest.client.result import (
    Ok as Ok,
)
from ingest.client.retry import (
    BackoffStrategy as BackoffStrategy,
)
from ingest.client.retry import (
    RetryConfig as RetryConfig,
)
from ingest.client.sync_client import (
    OpenRouter as OpenRouter,
)
from ingest.core.api_records import (
    GenerationContentData as GenerationContentData,
)
from ingest.core.api_records import (
    GenerationContentDataOutput as GenerationContentDataOutput,
)
from ingest.core.api_records import (
    GenerationContentError as GenerationContentError,
)
from ingest.core.api_records import (
    GenerationContentErrorAttempt as GenerationContentErrorAttempt,
)
from ingest.core.api_records import (
    GenerationContentInput as GenerationContentInput,
)
from ingest.core.api_records import (
    GenerationContentResponse as GenerationContentResponse,
)
from ingest.core.api_records import (
    GenerationResponse as GenerationResponse,
)
from ingest.core.api_records import (
    GenerationResponseData as GenerationResponseData,
)
from ingest.core.api_records import (
    ProviderResponse as ProviderResponse,
)
