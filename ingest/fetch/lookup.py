"""Looks up a few IDs without a warehouse, for `orusage get`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from ingest.client import stop_errors
from ingest.client.accounts import load_keys
from ingest.client.errors import ForbiddenResponseError, NotFoundResponseError
from ingest.client.operations import generations_get_generation, generations_list_generation_content
from ingest.client.result import Err
from ingest.client.retry import BackoffStrategy, RetryConfig
from ingest.client.sync_client import OpenRouter
from ingest.client.validation import ID
from ingest.core.errors import UsageError
from ingest.core.masking import is_like_a_key
from ingest.fetch import answer_policy
from ingest.fetch.answer_policy import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ingest.client.accounts import Account
    from ingest.client.errors import OpenRouterError
    from ingest.core.errors import OrusageError

PATIENCE = RetryConfig(backoff=BackoffStrategy(max_elapsed_time=60_000), retry_connection_errors=False)
"""No retry begins after a minute, and none follows a failed connection, since a user is waiting."""

_ELSEWHERE = (NotFoundResponseError, ForbiddenResponseError)
"""Answers of an account that does not have an ID."""

AT_ONCE = 8
"""IDs asked for concurrently."""


@dataclass(frozen=True, slots=True)
class Found:
    """The result for one ID.

    Attributes:
        generation_id: The ID.
        record: JSON object of its metadata, with prompt and completion under ``content`` if asked for; None without
            metadata.
        problem: Why metadata or content is missing; None if both are there.
    """

    generation_id: str
    record: bytes | None
    problem: OpenRouterError | None = None


def look_up(
    generation_ids: Sequence[str], accounts: Sequence[Account], *, timeout: float, content: bool
) -> Iterator[Found]:
    """Ask for some IDs; results come in the order of the IDs.

    Args:
        generation_ids: The IDs.
        accounts: The accounts. The next one is asked for an ID that one does not have.
        timeout: Seconds for one whole request.
        content: Whether to ask for prompt and completion too.

    Raises:
        UsageError: an argument is no generation ID.
        KeyRefusedError: an account has no key.
        OrusageError: every request would fail the same way: the key is refused, the account is out of credits, or the
            API throttles every request, cannot be reached or does not answer like OpenRouter.
    """
    for generation_id in generation_ids:
        _check(generation_id)
    with ThreadPoolExecutor(AT_ONCE) as pool, ExitStack() as opened:
        clients = [
            (opened.enter_context(OpenRouter(key, server_url=each.base_url, timeout=timeout, retries=PATIENCE)), each)
            for each, key in zip(accounts, load_keys(accounts), strict=True)
        ]
        for found, account in pool.map(partial(_find_anywhere, clients, content=content), generation_ids):
            if found.record is None and found.problem and (stop := _stop(found.problem, account)):
                raise stop
            yield found


def _find_anywhere(
    clients: Sequence[tuple[OpenRouter, Account]], generation_id: str, *, content: bool
) -> tuple[Found, Account]:
    """What the first account that has the ID says of it; without one, what the last account says."""
    *others, last = clients
    for client, account in others:
        found = _find(client, generation_id, content=content)
        if not isinstance(found.problem, _ELSEWHERE) or found.record:
            return found, account
    return _find(last[0], generation_id, content=content), last[1]


def _find(client: OpenRouter, generation_id: str, *, content: bool) -> Found:
    result = generations_get_generation(client, id=generation_id)
    if isinstance(result, Err):
        return Found(generation_id, None, result.error)
    record = result.value.data.to_json()
    if not content:
        return Found(generation_id, record)
    answer = generations_list_generation_content(client, id=generation_id)
    if isinstance(answer, Err):
        return Found(generation_id, _with_content(record, b"null"), answer.error)
    return Found(generation_id, _with_content(record, answer.value.data.to_json()))


def _with_content(record: bytes, content: bytes) -> bytes:
    fields = msgspec.json.decode(record, type=dict[str, msgspec.Raw])
    return msgspec.json.encode({**fields, "content": msgspec.Raw(content)})


def _stop(error: OpenRouterError, account: Account) -> OrusageError | None:
    """The error that ends the command; None where the next ID may succeed."""
    base_url = account.base_url
    errors: dict[Verdict, Callable[[], OrusageError]] = {
        Verdict.KEY_REFUSED: partial(stop_errors.key_refused, account.name),
        Verdict.OUT_OF_CREDITS: partial(stop_errors.out_of_credits, account.name),
        Verdict.THROTTLED: partial(stop_errors.throttled, "HTTP 429"),
        Verdict.UNREADABLE: partial(stop_errors.not_the_api, base_url),
        Verdict.REDIRECT: partial(stop_errors.redirects, base_url),
        Verdict.UNREACHED: partial(stop_errors.unreachable, base_url, error),
    }
    error_of = errors.get(answer_policy.verdict_of(Err(error)))
    return error_of and error_of()


def _check(generation_id: str) -> None:
    if is_like_a_key(generation_id):
        raise UsageError(
            "an API key was given as a generation ID",
            cause="it would be sent as a part of the URL, and URLs are logged",
            fix="give the key by OPENROUTER_API_KEY or --api-key-file, and IDs such as gen-1753485462-…",
        )
    if not ID.fullmatch(generation_id):
        raise UsageError(
            f"{generation_id[:40]!a} is no generation ID",
            cause=f"it does not match {ID.pattern}",
            fix="give IDs such as gen-1753485462-…",
        )
