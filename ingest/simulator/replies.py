"""HTTP answers of the simulator: JSON, errors in OpenRouter's form, throttling headers, and the checks of the key."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    Headers = Sequence[tuple[bytes, bytes]]

DEFAULT_KEY = "sk-or-v1-simulator"
MANAGEMENT_KEY = "sk-or-v1-simulator-management"

MESSAGES = {
    400: "Invalid generation ID",
    401: "Missing Authentication header",
    402: "Insufficient credits. Add more using https://openrouter.ai/credits",
    403: "Only management keys can perform this operation",
    404: "Resource not found",
    429: "Rate limit exceeded",
    500: "Internal Server Error",
    524: "Request timed out. Please try again later.",
    529: "Provider returned error",
}
"""Message of each error status; other statuses have that of 529."""

CONTENT_PATH = "/generation/content"

_JSON = (b"content-type", b"application/json")
_HTML = (b"content-type", b"text/html; charset=utf-8")
_EXACT = msgspec.json.Encoder(decimal_format="number")
_STATUS_IN_KEY = re.compile(r"status-([345][0-9]{2})")


class Reply(NamedTuple):
    """One HTTP answer."""

    status: int
    headers: Headers
    body: bytes


def ok(value: Any) -> Reply:
    """The value as JSON with status 200."""
    return Reply(200, [_JSON], json.dumps(value).encode())


def exact(value: Any) -> Reply:
    """The value as JSON with status 200, its decimals as numbers with all their digits."""
    return Reply(200, [_JSON], _EXACT.encode(value))


def text(lines: Iterable[str]) -> Reply:
    """The lines as plain text with status 200."""
    return Reply(200, [(b"content-type", b"text/plain; charset=utf-8")], "".join(lines).encode())


def key_info(*, is_management: bool) -> dict[str, Any]:
    """What ``GET /key`` tells of a key, beside its counters."""
    return {
        "label": "sk-or-v1-man…" if is_management else "sk-or-v1-sim…",
        "limit": None,
        "limit_remaining": None,
        "limit_reset": None,
        "include_byok_in_limit": False,
        "is_free_tier": False,
        "is_management_key": is_management,
        "is_provisioning_key": is_management,
        "rate_limit": {"requests": -1, "interval": "10s", "note": "deprecated"},
    }


def error(
    status: int, message: str | None = None, *, headers: Headers = (), metadata: dict[str, Any] | None = None
) -> Reply:
    """An error in OpenRouter's form; without `message`, the one in `MESSAGES`."""
    content = {"code": status, "message": message or MESSAGES.get(status, MESSAGES[529])}
    if metadata:
        content["metadata"] = metadata
    return Reply(status, [_JSON, *headers], json.dumps({"error": content}).encode())


def too_many_requests(wait: float, now: datetime, variant: int) -> Reply:
    """A 429 that says when to retry in one of four ways, or not at all.

    Args:
        wait: Seconds until the next request would be accepted.
        now: The wall clock.
        variant: 0 for Retry-After, 1 for X-RateLimit headers, 2 for these headers inside the body, 3 for no hint.
    """
    reset = str(int((now + timedelta(seconds=wait)).timestamp() * 1000))
    limits = {"X-RateLimit-Limit": "100", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}
    match variant:
        case 0:
            return error(429, headers=[(b"retry-after", str(int(wait) + 1).encode())])
        case 1:
            return error(429, headers=[(k.lower().encode(), v.encode()) for k, v in limits.items()])
        case 2:
            return error(429, metadata={"headers": limits})
        case _:
            return error(429)


def malformed(record: dict[str, Any], variant: int) -> Reply:
    """An answer with status 200 that is not what was asked for: 0: HTML, 1: truncated JSON, 2: ``data: null``."""
    match variant:
        case 0:
            return Reply(200, [_HTML], b"<!DOCTYPE html><title>Just a moment...</title>")
        case 1:
            whole = json.dumps({"data": record}).encode()
            return Reply(200, [_JSON], whole[: len(whole) // 2])
        case _:
            return ok({"data": None})


def key_error(authorization: str, path: str) -> Reply | None:
    """The error for this Authorization header; None if the key is accepted.

    A key that contains ``invalid`` is answered 401, ``broke`` 402, ``forbidden`` 403, ``inference`` 403 for content
    only, and ``status-NNN`` that status.
    """
    scheme, _, key = authorization.partition(" ")
    if scheme != "Bearer" or not key.startswith("sk-or-") or "invalid" in key:
        return error(401)
    if "broke" in key:
        return error(402)
    if "forbidden" in key or ("inference" in key and path == CONTENT_PATH):
        return error(403)
    status = _STATUS_IN_KEY.search(key)
    return error(int(status[1])) if status else None
