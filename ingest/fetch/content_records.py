"""Turns an answer with prompt and completion into the texts that are stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ingest.core.api_records import GenerationContentDataOutput
from ingest.core.outcomes import Content

if TYPE_CHECKING:
    from datetime import datetime

    from ingest.core.api_records import GenerationContentData, GenerationContentResponse
    from ingest.core.record import Record


def content_of(response: GenerationContentResponse, fetched_at: datetime) -> Content:
    """The content to store from an answer to ``GET /generation/content``."""
    data = response.data
    output = data.output or GenerationContentDataOutput()
    return Content(
        status=200,
        reason=None,
        fetched_at=fetched_at,
        input=_json(data.input),
        completion=output.completion,
        reasoning=output.reasoning,
        error=_json(data.error),
        extra=_extra(data, output),
    )


def _json(record: Record | None) -> str | None:
    return record.to_json().decode() if record else None


def _extra(data: GenerationContentData, output: GenerationContentDataOutput) -> str | None:
    """JSON of the fields that have no column; those of the output are under ``output``. None without any."""
    parts = {"output": msgspec.Raw(output.extra_json.encode())} if output.extra_json else {}
    parts |= msgspec.json.decode(data.extra_json or "{}", type=dict[str, msgspec.Raw])
    return msgspec.json.encode(parts).decode() if parts else None
