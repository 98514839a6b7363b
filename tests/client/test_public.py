"""The package's root offers the client's public names, and loads nothing until one is used."""

import subprocess
import sys

import pytest

import ingest
from ingest.client import public

NAMES = [
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


def test_the_names_are_these_and_no_others():
    assert ingest.__all__ == NAMES


@pytest.mark.parametrize("name", sorted({*NAMES} - {"__version__"}))
def test_every_name_can_be_imported(name):
    found = getattr(ingest, name)
    assert found is getattr(public, name)
    assert found.__name__ == name
    assert found.__doc__


def test_no_public_error_is_left_out():
    from ingest.client import errors

    named = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)}
    assert named <= set(ingest.__all__)


def test_a_star_brings_all_of_them():
    namespace = {}
    exec("from ingest import *", namespace)  # noqa: S102  # the star import is what is tested
    assert namespace.keys() >= set(ingest.__all__)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'ingest' has no attribute 'OpenRooter'"):
        _ = ingest.OpenRooter
    with pytest.raises(ImportError):
        from ingest import OpenRooter  # noqa: F401


def loaded_after(code):
    """The modules that a new Python process has loaded after this code."""
    command = [sys.executable, "-c", f"import sys; {code}; print(*sys.modules)"]
    return set(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.split())


def test_the_package_alone_loads_no_library():
    loaded = loaded_after("import ingest; ingest.__version__")
    assert "ingest" in loaded
    assert not loaded & {"httpx", "aiohttp", "msgspec", "anyio", "polars", "duckdb", "asyncio", "ingest.client.public"}


def test_the_client_loads_neither_polars_nor_duckdb():
    loaded = loaded_after("from ingest import OpenRouter")
    assert "httpx" in loaded
    assert not loaded & {"polars", "duckdb", "uvicorn", "ingest.cli.app"}


def test_completion_finds_names_that_are_not_loaded_yet():
    assert "OpenRouter" in dir(ingest)
