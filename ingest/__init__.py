"""orusage: exactly what your OpenRouter traffic cost and how fast it was.

The stages are the modules, in the order a datum walks through them::

    scan → (ledger) → fetch: limiter → client → decode → normalize → warehouse → views → render

Imports go downward only; the layers are listed in ``pyproject.toml`` and a linter proves them. The OpenRouter client
is importable by itself, ``from ingest import OpenRouter``; what is named here is loaded when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ingest.openrouter import *  # noqa: F403  # what __getattr__ finds

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
    "__version__",
    "generations_get_generation",
    "generations_list_generation_content",
]

__version__ = "0.1.0"


def __dir__() -> list[str]:
    return __all__


def __getattr__(name: str) -> Any:
    """Load the client when it is asked for: the command line must not pay for it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("ingest.openrouter"), name)
