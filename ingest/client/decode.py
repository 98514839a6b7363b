"""Decodes the bodies of answers into records. Values are exact, and nothing in an answer is lost.

A generation whose fields are all known and well typed is decoded in one strict pass (`strict_decoder`). Any other
answer is decoded field by field (`field_decoder`): a value that fits its field goes there, and every other value is
kept as it came in `extra`. So one bad field does not cost its record, and one bad record does not cost its batch.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from ingest.client.field_decoder import decode_record
from ingest.client.json_values import UNREADABLE, decode_object, encode_extra
from ingest.client.strict_decoder import KNOWN_NAMES, StrictDecoder
from ingest.core.api_records import (
    GenerationContentData,
    GenerationContentResponse,
    GenerationResponse,
    GenerationResponseData,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ingest.client.json_values import Extra

Response = TypeVar("Response")

MOST_LEARNED = 32
LONGEST_NAME = 64
"""How many undocumented field names the strict pass learns, and the maximum characters of each."""

_PLAIN_NAME = re.compile(rf"[A-Za-z0-9_.-]{{1,{LONGEST_NAME}}}")

_ERROR_STATUS = re.compile(r"[45][0-9]{2}")

_SURROGATES = re.compile(
    rb"""( \\u[dD][89abAB][0-9a-fA-F]{2} \\u[dD][c-fC-F][0-9a-fA-F]{2}  # a valid pair
         | \\[^u]                                                    # any other escape, an escaped backslash included
         ) | \\u[dD][89a-fA-F][0-9a-fA-F]{2}                         # half of a pair""",
    re.VERBOSE,
)


class UnreadableError(Exception):
    """The body is not JSON, is cut, or does not have the expected shape."""


def decode_generation(body: bytes) -> GenerationResponse:
    """Decode the body of a 200 answer to ``GET /generation``.

    Args:
        body: The body: UTF-8 JSON of the form ``{"data": {…}}``.

    Returns:
        The answer with all its fields. Times have microseconds, and real numbers are the nearest double.

    Raises:
        UnreadableError: `body` does not have that form, or contains no generation.
    """
    response = _decode_repaired(_generations.decode, body)
    if all(getattr(response.data, name) is None for name in ("id", "model", "created_at", "usage", "total_cost")):
        raise UnreadableError("data holds no generation")
    return response


def decode_content(body: bytes) -> GenerationContentResponse:
    """Decode the body of a 200 answer to ``GET /generation/content``.

    Raises:
        UnreadableError: `body` does not have the form ``{"data": {…}}``, or contains no input, output or error.
    """
    response = _decode_repaired(_decode_content, body)
    data = response.data
    if not any((data.input, data.output, data.error)) and data.extra.keys().isdisjoint(("input", "output", "error")):
        raise UnreadableError("data holds no content")
    return response


def decode_exactly(body: bytes) -> dict[str, Any]:
    """Decode a whole answer of any shape. Numbers with a point or an exponent are decimals, as they were written.

    Raises:
        UnreadableError: `body` is not a JSON object.
    """
    return _decode_repaired(_EXACT.decode, body)


def error_of(body: bytes) -> dict[str, Any] | None:
    """The ``error`` object of OpenRouter's JSON error answer; None if `body` is anything else.

    Its documented form is ``{"error": {"code": int, "message": str, "metadata": object|null}}``. Compatible servers
    send the code as a string, so the types inside are not checked.
    """
    try:
        return _ERROR_ANSWER.decode(body).error
    except UNREADABLE:
        return None


def status_of(error: Mapping[str, Any] | None) -> int | None:
    """The HTTP status, 400 to 599, that an error object's ``code`` names as a number or a string; None if none."""
    code = error.get("code") if error else None
    if isinstance(code, str) and _ERROR_STATUS.fullmatch(code):
        return int(code)
    return int(code) if isinstance(code, (int, float)) and code in range(400, 600) else None


def decode_key(body: bytes) -> None:
    """Check the body of a 200 answer to ``GET /key``, of which nothing is used.

    Raises:
        UnreadableError: The body is an error answer.
    """
    if error_of(body) is not None:
        raise UnreadableError("the answer is an error")


class _ErrorAnswer(msgspec.Struct):
    error: dict[str, Any]


_EXACT: msgspec.json.Decoder[dict[str, Any]] = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)

_ERROR_ANSWER = msgspec.json.Decoder(_ErrorAnswer)


class GenerationDecoder:
    """Decodes generations in one strict pass where possible, else field by field.

    It learns the names of undocumented fields, so that a new field of the API costs the slow path once instead of in
    every answer.
    """

    def __init__(self) -> None:
        self._strict = StrictDecoder()

    @property
    def learned(self) -> tuple[str, ...]:
        """Names of the undocumented fields learned so far."""
        return self._strict.learned

    def decode(self, body: bytes) -> GenerationResponse:
        """Decode the body of an answer.

        Raises:
            msgspec.DecodeError: The body is not JSON, or not of the form ``{"data": {…}}``.
        """
        try:
            return self._strict.decode(body)
        except UNREADABLE:
            answer = decode_object(body)
            fields = _take_data(answer)
            data = decode_record(GenerationResponseData, fields)
            self._learn(fields)
            return GenerationResponse(data, encode_extra(answer))

    def _learn(self, fields: msgspec.Raw) -> None:
        known = KNOWN_NAMES | {*self.learned}
        new = [name for name in decode_object(fields) if name not in known and _PLAIN_NAME.fullmatch(name)]
        if new and len(self.learned) < MOST_LEARNED:
            self._strict = StrictDecoder((*self.learned, *new)[:MOST_LEARNED])


_generations = GenerationDecoder()


def _decode_content(body: bytes) -> GenerationContentResponse:
    answer = decode_object(body)
    data = decode_record(GenerationContentData, _take_data(answer))
    return GenerationContentResponse(data, encode_extra(answer))


def _decode_repaired(decode: Callable[[bytes], Response], body: bytes) -> Response:
    """Decode a body. Half of a surrogate pair, which no string can hold, is replaced by the text of its escape."""
    try:
        try:
            return decode(body)
        except msgspec.DecodeError:
            repaired = _SURROGATES.sub(lambda found: found[1] or b"\\" + found[0], body)
            if repaired == body:
                raise
            return decode(repaired)
    except UNREADABLE as error:
        raise UnreadableError(str(error)) from None


def _take_data(answer: Extra) -> msgspec.Raw:
    """Remove ``data`` from an answer and return it."""
    if "data" not in answer:
        raise msgspec.ValidationError("the answer has no data")
    return answer.pop("data")
