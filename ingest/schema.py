"""The one declared schema: every stored column with its API name, type, unit and meaning.

Decoder, frames, warehouse, data dictionary and tests all read this table, so a type is never inferred from a batch.
The API's own fields and their types are those of OpenRouter's OpenAPI text for ``GET /generation``; where the
meaning says more than that text, it comes from OpenRouter's analytics documentation or from answers seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

MONEY_PLACES = 12
MONEY_DIGITS = 18


class Kind(Enum):
    """A column's type in SQL. How it is decoded is `ingest.decode`'s affair, its polars type `ingest.normalize`'s."""

    TEXT = "VARCHAR"
    INTEGER = "BIGINT"
    REAL = "DOUBLE"
    FLAG = "BOOLEAN"
    MONEY = f"DECIMAL({MONEY_DIGITS},{MONEY_PLACES})"
    TIME = "TIMESTAMP"
    DAY = "DATE"


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        name: Its name in the warehouse.
        kind: Its type.
        unit: USD, ms, tokens, UTC, … or empty.
        meaning: What it says, with its caveats, as one or two sentences.
        api_name: The name in the API's answer; None for a column of our own.
    """

    name: str
    kind: Kind
    unit: str
    meaning: str
    api_name: str | None = None

    @property
    def comment(self) -> str:
        """The COMMENT the warehouse carries: meaning, then unit."""
        return f"{self.meaning} Unit: {self.unit}." if self.unit else self.meaning


def _api(name: str, kind: Kind, meaning: str, unit: str = "") -> Column:
    return Column(name, kind, unit, meaning, api_name=name)


TEXT, INTEGER, REAL, FLAG, MONEY, TIME = Kind.TEXT, Kind.INTEGER, Kind.REAL, Kind.FLAG, Kind.MONEY, Kind.TIME

GENERATION_FIELDS = (
    _api("id", TEXT, "The ID that came back; nearly always the one asked for, see generation_id."),
    _api("created_at", TIME, "When OpenRouter created the record.", "UTC"),
    _api("api_type", TEXT, "API that was called: completions, embeddings, image, …; new values appear."),
    _api("model", TEXT, "Model that answered."),
    _api("provider_name", TEXT, "Provider that served the request."),
    _api("router", TEXT, "Router that chose the model, such as openrouter/auto; NULL if none."),
    _api("service_tier", TEXT, "Service tier the provider reported; NULL if none."),
    _api("data_region", TEXT, "Region it was routed through: global, europe or us."),
    _api("usage", MONEY, "Charged by OpenRouter. For BYOK the fee alone, see upstream_inference_cost.", "USD"),
    _api("total_cost", MONEY, "Total cost; equal to usage in every answer seen.", "USD"),
    _api(
        "upstream_inference_cost",
        MONEY,
        "Charged by the provider. Add it to usage for BYOK only: elsewhere usage contains it already. Can be negative.",
        "USD",
    ),
    _api("cache_discount", MONEY, "Saved by prompt caching; negative where writing the cache cost more.", "USD"),
    _api("is_byok", FLAG, "Whether your own provider key paid for the inference."),
    _api("tokens_prompt", INTEGER, "Prompt tokens, normalised; billing uses native_tokens_prompt.", "tokens"),
    _api(
        "tokens_completion", INTEGER, "Completion tokens, normalised; billing uses native_tokens_completion.", "tokens"
    ),
    _api("native_tokens_prompt", INTEGER, "Prompt tokens by the provider's count; contains the cached ones.", "tokens"),
    _api(
        "native_tokens_completion",
        INTEGER,
        "Completion tokens by the provider's count; contains the reasoning ones.",
        "tokens",
    ),
    _api("native_tokens_completion_images", INTEGER, "Completion tokens that are images.", "tokens"),
    _api(
        "native_tokens_reasoning",
        INTEGER,
        "Reasoning tokens; some providers report more than native_tokens_completion.",
        "tokens",
    ),
    _api("native_tokens_cached", INTEGER, "Prompt tokens read from the provider's cache.", "tokens"),
    _api("num_media_prompt", INTEGER, "Media items in the prompt.", "items"),
    _api("num_input_audio_prompt", INTEGER, "Audio inputs in the prompt.", "items"),
    _api("num_media_completion", INTEGER, "Media items in the completion.", "items"),
    _api("num_search_results", INTEGER, "Web search results used.", "results"),
    _api("num_fetches", INTEGER, "Web pages fetched.", "fetches"),
    _api("web_search_engine", TEXT, "Web search engine used; NULL if none."),
    _api(
        "latency",
        REAL,
        "Time to the first token if streamed, else to the whole answer. Never add it to generation_time.",
        "ms",
    ),
    _api("generation_time", REAL, "Time the provider took for the whole answer; latency lies inside it.", "ms"),
    _api("moderation_latency", REAL, "Time taken by moderation; NULL if there was none.", "ms"),
    _api("finish_reason", TEXT, "Why it ended, normalised; NULL if cancelled."),
    _api("native_finish_reason", TEXT, "Why it ended, in the provider's word."),
    _api("streamed", FLAG, "Whether the answer was streamed."),
    _api("cancelled", FLAG, "Whether the client went away; it may have cost money all the same."),
    _api("response_cache_source_id", TEXT, "The generation this answer was copied from, at no cost; NULL if none."),
    _api("app_id", INTEGER, "App that made the request."),
    _api("origin", TEXT, "Origin URL of the request; may be empty."),
    _api("http_referer", TEXT, "Referer header of the request."),
    _api("user_agent", TEXT, "User-Agent header of the request."),
    _api("external_user", TEXT, "The end user you named in the request."),
    _api("session_id", TEXT, "Groups the generations of one session."),
    _api("request_id", TEXT, "Groups the generations of one API request."),
    _api("upstream_id", TEXT, "The provider's own ID."),
    _api("preset_id", TEXT, "Preset used; NULL if none."),
    _api("workspace_id", TEXT, "Workspace it is attributed to; NULL for accounts without."),
)
"""The 44 scalar fields of an answer; its one list, ``provider_responses``, becomes `ATTEMPT_FIELDS`."""

ATTEMPT_FIELDS = (
    _api("provider_name", TEXT, "Provider that was asked."),
    _api("status", INTEGER, "HTTP status the provider answered; NULL if none came.", "HTTP status"),
    _api("latency", REAL, "Time the provider took; may differ from the generation's latency.", "ms"),
    _api("is_byok", FLAG, "Whether your own provider key was used."),
    _api("endpoint_id", TEXT, "OpenRouter's endpoint."),
    _api("model_permaslug", TEXT, "Canonical slug of the model."),
    _api("routed_service_tier", TEXT, "Service tier it was routed to; the tier billed may differ."),
    _api("id", TEXT, "The provider's ID of its response."),
)
"""The fields of an entry of ``provider_responses``."""

GENERATION_ID = Column("generation_id", TEXT, "", "The ID as it was asked for; each stands in one row.")
REQUESTED_AT = Column(
    "requested_at", TIME, "UTC", "Second of the request, taken from the ID; NULL for IDs from before October 2024."
)
EXTRA = Column(
    "extra",
    TEXT,
    "",
    "JSON object of every field that no column holds exactly, as it came; NULL if there is none.",
)

GENERATIONS = (
    GENERATION_ID,
    REQUESTED_AT,
    Column("requested_day", Kind.DAY, "UTC", "Day of requested_at, or of created_at for IDs without a time."),
    *GENERATION_FIELDS,
    Column("attempts", INTEGER, "attempts", "Providers asked for it: its rows in provider_attempts."),
    EXTRA,
    Column("fetched_at", TIME, "UTC", "When the answer arrived."),
    Column("run_id", TEXT, "", "Run that stored it, see ops.runs."),
    Column("source", TEXT, "", "Where the ID was first seen: a file, or - for standard input."),
    Column("source_position", INTEGER, "bytes", "Offset of the ID in the decompressed source."),
)
"""Columns of ``main.generations``: one row per settled ID."""

PROVIDER_ATTEMPTS = (
    GENERATION_ID,
    REQUESTED_AT,
    Column("attempt", INTEGER, "", "1 for the first provider asked, and so on."),
    *ATTEMPT_FIELDS,
    EXTRA,
)
"""Columns of ``main.provider_attempts``: one row per entry of ``provider_responses``."""

TABLES = {"generations": GENERATIONS, "provider_attempts": PROVIDER_ATTEMPTS}
