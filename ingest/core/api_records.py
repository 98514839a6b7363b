"""What the two operations answer, as typed records: every documented field, its type, unit and meaning.

A field is None where the answer had none, had null, or had something that does not fit the type; in the last case,
and for every field that is not documented, the value stands in `extra` as it came. So neither a missing key nor a new
one ever costs an answer. Enumerations are plain strings, because new values appear. Money is an exact Decimal of at
most 12 places, in USD. Fields and types: OpenRouter's OpenAPI text of ``getGeneration`` and
``listGenerationContent``; where a meaning says more, it comes from its analytics documentation or from answers seen.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from datetime import datetime  # noqa: TC003  # get_type_hints reads it
from decimal import Context, Decimal
from typing import Annotated, Any, ClassVar, get_args, get_origin, get_type_hints

import msgspec


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a field says, with its caveats, and its unit: USD, ms, tokens, UTC, … or empty."""

    text: str
    unit: str = ""

    def __str__(self) -> str:
        return f"{self.text} Unit: {self.unit}." if self.unit else self.text


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a record: its name in the answer, its type, what it says, and how it is declared."""

    name: str
    type: Any
    meaning: Meaning
    declared: Any


class Record(msgspec.Struct, frozen=True, gc=False):
    """What all records can do. Their docstrings list their fields."""

    _alternatives: ClassVar[bool] = False
    """Whether its fields exclude each other, so that JSON has only the one that is there."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        lines = (f"    {f.name} ({_spelled(f.type)}): {f.meaning}" for f in fields_of(cls))
        cls.__doc__ = "\n".join((cls.__doc__ or "", "", "Attributes:", *lines))

    @property
    def extra(self) -> dict[str, Any]:
        """What the answer holds beside the fields, by its name there; `extra_json` has it as it came."""
        extra: dict[str, Any] = json.loads(getattr(self, EXTRA) or "{}", parse_int=_integer)
        return extra

    def to_json(self) -> bytes:
        """The record as JSON again, under the API's names, prices exact; what `extra` holds stands where it stood."""
        return _ENCODER.encode(_plain(self))


EXACT = Context(prec=100)
"""The caller's own decimal context must not cut a price."""

Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""A number: what a BIGINT column holds."""

Count = Annotated[int, msgspec.Meta(ge=-(10**12), le=10**12)]
"""A count. One beyond a trillion is no count of anything, and sums of such leave BIGINT; it is kept in `extra`."""

EXTRA = "extra_json"
"""The field of each record that is ours: what `Record.extra` decodes, as JSON text, as it came."""

_Beside = Annotated[str, msgspec.Meta(pattern="(?!)")]
"""Text that no answer can bring: a field of that name in one is as unknown as any other."""
_BESIDE = Meaning(
    "JSON object of every field that no other attribute holds exactly, as it came; None if there is none."
)
_ENCODER = msgspec.json.Encoder()


def fields_of(record: type[Record]) -> tuple[Field, ...]:
    """The fields of a kind of record, in order."""
    bare, declared = get_type_hints(record), get_type_hints(record, include_extras=True)
    annotated = ((name, *get_args(hint)) for name, hint in declared.items() if get_origin(hint) is Annotated)
    return tuple(Field(name, bare[name], meaning, hint) for name, hint, meaning in annotated)


def _integer(text: str) -> int | Decimal:
    """Python refuses to make an int of more digits than it can check in time."""
    limit = sys.get_int_max_str_digits()
    return int(text) if not limit or len(text) <= limit else Decimal(text)


def _spelled(kind: Any) -> str:
    return (
        kind.__name__
        if isinstance(kind, type) and not get_args(kind)
        else str(kind).replace("ingest.core.api_records.", "")
    )


def _plain(value: Any) -> Any:
    """A record as a dictionary that the encoder takes."""
    if isinstance(value, Record):
        fields = {name: _plain(getattr(value, name)) for name in value.__struct_fields__ if name != EXTRA}
        if value._alternatives:  # noqa: SLF001  # the record's own module
            fields = {name: field for name, field in fields.items() if field is not None}
        return fields | msgspec.json.decode(getattr(value, EXTRA) or "{}", type=dict[str, msgspec.Raw])
    if isinstance(value, Decimal):
        text = f"{value:f}"
        return msgspec.Raw((text.rstrip("0").rstrip(".") if "." in text else text).encode())
    return [_plain(v) for v in value] if isinstance(value, tuple) else value


class ProviderResponse(Record, frozen=True, forbid_unknown_fields=True):
    """One provider's try inside a generation."""

    provider_name: Annotated[str | None, Meaning("Provider that was asked.")] = None
    status: Annotated[Int64 | None, Meaning("HTTP status the provider answered; NULL if none came.", "HTTP status")] = (
        None
    )
    latency: Annotated[
        float | None, Meaning("Time the provider took; may differ from the generation's latency.", "ms")
    ] = None
    is_byok: Annotated[bool | None, Meaning("Whether your own provider key was used.")] = None
    endpoint_id: Annotated[str | None, Meaning("OpenRouter's endpoint.")] = None
    model_permaslug: Annotated[str | None, Meaning("Canonical slug of the model.")] = None
    routed_service_tier: Annotated[
        str | None, Meaning("Service tier it was routed to; the tier billed may differ.")
    ] = None
    id: Annotated[str | None, Meaning("The provider's ID of its response.")] = None
    extra_json: Annotated[_Beside | None, _BESIDE] = None


class GenerationResponseData(Record, frozen=True):
    """One generation."""

    id: Annotated[str | None, Meaning("The ID that came back; nearly always the one asked for, see generation_id.")] = (
        None
    )
    created_at: Annotated[datetime | None, Meaning("When OpenRouter created the record.", "UTC")] = None
    api_type: Annotated[
        str | None, Meaning("API that was called: completions, embeddings, image, …; new values appear.")
    ] = None
    model: Annotated[str | None, Meaning("Model that answered.")] = None
    provider_name: Annotated[str | None, Meaning("Provider that served the request.")] = None
    router: Annotated[str | None, Meaning("Router that chose the model, such as openrouter/auto; NULL if none.")] = None
    service_tier: Annotated[str | None, Meaning("Service tier the provider reported; NULL if none.")] = None
    data_region: Annotated[str | None, Meaning("Region it was routed through: global, europe or us.")] = None
    usage: Annotated[
        Decimal | None, Meaning("Charged by OpenRouter. For BYOK the fee alone, see upstream_inference_cost.", "USD")
    ] = None
    total_cost: Annotated[Decimal | None, Meaning("Total cost; equal to usage in every answer seen.", "USD")] = None
    upstream_inference_cost: Annotated[
        Decimal | None,
        Meaning(
            "Charged by the provider. Add it to usage for BYOK only: elsewhere usage contains it already. "
            "Can be negative.",
            "USD",
        ),
    ] = None
    cache_discount: Annotated[
        Decimal | None, Meaning("Saved by prompt caching; negative where writing the cache cost more.", "USD")
    ] = None
    is_byok: Annotated[bool | None, Meaning("Whether your own provider key paid for the inference.")] = None
    tokens_prompt: Annotated[
        Count | None, Meaning("Prompt tokens, normalised; billing uses native_tokens_prompt.", "tokens")
    ] = None
    tokens_completion: Annotated[
        Count | None, Meaning("Completion tokens, normalised; billing uses native_tokens_completion.", "tokens")
    ] = None
    native_tokens_prompt: Annotated[
        Count | None, Meaning("Prompt tokens by the provider's count; contains the cached ones.", "tokens")
    ] = None
    native_tokens_completion: Annotated[
        Count | None, Meaning("Completion tokens by the provider's count; contains the reasoning ones.", "tokens")
    ] = None
    native_tokens_completion_images: Annotated[
        Count | None, Meaning("Completion tokens that are images.", "tokens")
    ] = None
    native_tokens_reasoning: Annotated[
        Count | None, Meaning("Reasoning tokens; some providers report more than native_tokens_completion.", "tokens")
    ] = None
    native_tokens_cached: Annotated[
        Count | None, Meaning("Prompt tokens read from the provider's cache.", "tokens")
    ] = None
    num_media_prompt: Annotated[Count | None, Meaning("Media items in the prompt.", "items")] = None
    num_input_audio_prompt: Annotated[Count | None, Meaning("Audio inputs in the prompt.", "items")] = None
    num_media_completion: Annotated[Count | None, Meaning("Media items in the completion.", "items")] = None
    num_search_results: Annotated[Count | None, Meaning("Web search results used.", "results")] = None
    num_fetches: Annotated[Count | None, Meaning("Web pages fetched.", "fetches")] = None
    web_search_engine: Annotated[str | None, Meaning("Web search engine used; NULL if none.")] = None
    latency: Annotated[
        float | None,
        Meaning(
            "Time to the first token if streamed, else to the whole answer. Never add it to generation_time.", "ms"
        ),
    ] = None
    generation_time: Annotated[
        float | None, Meaning("Time the provider took for the whole answer; latency lies inside it.", "ms")
    ] = None
    moderation_latency: Annotated[float | None, Meaning("Time taken by moderation; NULL if there was none.", "ms")] = (
        None
    )
    finish_reason: Annotated[str | None, Meaning("Why it ended, normalised; NULL if cancelled.")] = None
    native_finish_reason: Annotated[str | None, Meaning("Why it ended, in the provider's word.")] = None
    streamed: Annotated[bool | None, Meaning("Whether the answer was streamed.")] = None
    cancelled: Annotated[bool | None, Meaning("Whether the client went away; it may have cost money all the same.")] = (
        None
    )
    response_cache_source_id: Annotated[
        str | None, Meaning("The generation this answer was copied from, at no cost; NULL if none.")
    ] = None
    app_id: Annotated[Int64 | None, Meaning("App that made the request.")] = None
    origin: Annotated[str | None, Meaning("Origin URL of the request; may be empty.")] = None
    http_referer: Annotated[str | None, Meaning("Referer header of the request.")] = None
    user_agent: Annotated[str | None, Meaning("User-Agent header of the request.")] = None
    external_user: Annotated[str | None, Meaning("The end user you named in the request.")] = None
    session_id: Annotated[str | None, Meaning("Groups the generations of one session.")] = None
    request_id: Annotated[str | None, Meaning("Groups the generations of one API request.")] = None
    upstream_id: Annotated[str | None, Meaning("The provider's own ID.")] = None
    preset_id: Annotated[str | None, Meaning("Preset used; NULL if none.")] = None
    workspace_id: Annotated[str | None, Meaning("Workspace it is attributed to; NULL for accounts without.")] = None
    provider_responses: Annotated[
        tuple[ProviderResponse, ...] | None,
        Meaning("The providers that were asked, in order, fallbacks included; None if the answer does not say."),
    ] = None
    extra_json: Annotated[_Beside | None, _BESIDE] = None

    @property
    def spend(self) -> Decimal:
        """What it cost in all, in USD: usage, and for BYOK what the provider charged as well."""
        usage = self.usage or Decimal(0)
        return EXACT.add(usage, self.upstream_inference_cost or Decimal(0)) if self.is_byok else usage


class GenerationResponse(Record, frozen=True):
    """The answer of ``GET /generation``."""

    data: Annotated[GenerationResponseData, Meaning("The generation.")]
    extra_json: Annotated[_Beside | None, _BESIDE] = None


class GenerationContentInput(Record, frozen=True):
    """What went in: a prompt or messages, whichever the request had."""

    _alternatives: ClassVar[bool] = True

    prompt: Annotated[str | None, Meaning("The prompt of a text completion.")] = None
    messages: Annotated[list[Any] | None, Meaning("The messages of a chat, as they were sent.")] = None
    extra_json: Annotated[_Beside | None, _BESIDE] = None


class GenerationContentDataOutput(Record, frozen=True):
    """What came out."""

    completion: Annotated[str | None, Meaning("The completion; None if there is none.")] = None
    reasoning: Annotated[str | None, Meaning("The reasoning before it; None if there is none.")] = None
    extra_json: Annotated[_Beside | None, _BESIDE] = None


class GenerationContentErrorAttempt(Record, frozen=True):
    """One provider's failure before the error that was returned."""

    code: Annotated[int | None, Meaning("Status this attempt was answered with.", "HTTP status")] = None
    message: Annotated[str | None, Meaning("Its message.")] = None
    provider_name: Annotated[str | None, Meaning("The provider, where known.")] = None
    raw: Annotated[str | None, Meaning("The body behind it, where stored.")] = None
    extra_json: Annotated[_Beside | None, _BESIDE] = None


class GenerationContentError(Record, frozen=True):
    """The stored error of a generation that failed."""

    status: Annotated[int | None, Meaning("Status returned to the client.", "HTTP status")] = None
    message: Annotated[str | None, Meaning("Message returned to the client.")] = None
    provider_name: Annotated[str | None, Meaning("Provider whose error it was, where known.")] = None
    raw: Annotated[str | None, Meaning("The body behind it, where stored.")] = None
    previous_errors: Annotated[
        tuple[GenerationContentErrorAttempt, ...] | None, Meaning("The attempts that failed before it, in order.")
    ] = None
    extra_json: Annotated[_Beside | None, _BESIDE] = None


class GenerationContentData(Record, frozen=True):
    """What was said: input, output, and the error of a generation that failed."""

    input: Annotated[GenerationContentInput | None, Meaning("What went in.")] = None
    output: Annotated[GenerationContentDataOutput | None, Meaning("What came out.")] = None
    error: Annotated[GenerationContentError | None, Meaning("The stored error; None if it succeeded.")] = None
    extra_json: Annotated[_Beside | None, _BESIDE] = None


class GenerationContentResponse(Record, frozen=True):
    """The answer of ``GET /generation/content``."""

    data: Annotated[GenerationContentData, Meaning("The content.")]
    extra_json: Annotated[_Beside | None, _BESIDE] = None


MONEY_PLACES = 12
MONEY_DIGITS = 18
