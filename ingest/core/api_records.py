"""The answers of the API's two operations as typed records: each documented field with its type, unit and meaning.

A field is None where the answer had no such field, had null, or had a value that does not fit the type. In the last
case, and for every undocumented field, `extra` holds the value as it came, so neither a missing key nor a new one
costs an answer. Enumerations are plain strings, because new values appear. Money is an exact Decimal with at most 12
decimal places, in USD.

Fields and types are those of OpenRouter's OpenAPI text of ``getGeneration`` and ``listGenerationContent``. Where a
meaning says more, it comes from OpenRouter's analytics documentation or from answers that were seen.
"""

from __future__ import annotations

from datetime import datetime  # noqa: TC003  # get_type_hints reads it
from decimal import Context, Decimal
from typing import Annotated, Any, ClassVar

import msgspec

from ingest.core.meaning import Meaning
from ingest.core.record import Record

MONEY_PLACES = 12
MONEY_DIGITS = 18
"""Decimal places and digits of a price: the warehouse stores it as DECIMAL(18,12)."""

EXACT = Context(prec=100)
"""Arithmetic on prices uses this context, because the caller's own decimal context may round them."""

Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""An integer that fits a BIGINT column."""

Count = Annotated[int, msgspec.Meta(ge=-(10**12), le=10**12)]
"""A count. One beyond 10^12 is not plausible, and sums of such values overflow BIGINT; it is kept in `extra`."""

_Never = Annotated[str, msgspec.Meta(pattern="(?!)")]
"""Text that matches nothing, so that a field named ``extra_json`` in an answer counts as undocumented."""
_EXTRA_MEANING = Meaning(
    "JSON object of every field that no other attribute holds exactly, as it came; None if there is none."
)


class ProviderResponse(Record, frozen=True, forbid_unknown_fields=True):
    """One provider's attempt inside a generation."""

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
    extra_json: Annotated[_Never | None, _EXTRA_MEANING] = None


class GenerationResponseData(Record, frozen=True):
    """The metadata of one generation."""

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
    total_cost: Annotated[
        Decimal | None,
        Meaning(
            "Total cost; equal to usage in every answer seen that had both, and booked where usage is missing.", "USD"
        ),
    ] = None
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
    extra_json: Annotated[_Never | None, _EXTRA_MEANING] = None

    @property
    def spend(self) -> Decimal:
        """Total cost in USD: `usage`, else `total_cost`, plus `upstream_inference_cost` for BYOK."""
        usage = (self.total_cost if self.usage is None else self.usage) or Decimal(0)
        return EXACT.add(usage, self.upstream_inference_cost or Decimal(0)) if self.is_byok else usage


class GenerationResponse(Record, frozen=True):
    """The answer to ``GET /generation``."""

    data: Annotated[GenerationResponseData, Meaning("The generation.")]
    extra_json: Annotated[_Never | None, _EXTRA_MEANING] = None


class GenerationContentInput(Record, frozen=True):
    """The input: a prompt or messages, depending on the request."""

    _alternatives: ClassVar[bool] = True

    prompt: Annotated[str | None, Meaning("The prompt of a text completion.")] = None
    messages: Annotated[list[Any] | None, Meaning("The messages of a chat, as they were sent.")] = None
    extra_json: Annotated[_Never | None, _EXTRA_MEANING] = None


class GenerationContentDataOutput(Record, frozen=True):
    """The output."""

    completion: Annotated[str | None, Meaning("The completion; None if there is none.")] = None
    reasoning: Annotated[str | None, Meaning("The reasoning before it; None if there is none.")] = None
    extra_json: Annotated[_Never | None, _EXTRA_MEANING] = None


class GenerationContentErrorAttempt(Record, frozen=True):
    """A provider's failure that preceded the returned error."""

    code: Annotated[int | None, Meaning("Status of the provider's answer.", "HTTP status")] = None
    message: Annotated[str | None, Meaning("The error's message.")] = None
    provider_name: Annotated[str | None, Meaning("The provider, where known.")] = None
    raw: Annotated[str | None, Meaning("The provider's body, where stored.")] = None
    extra_json: Annotated[_Never | None, _EXTRA_MEANING] = None


class GenerationContentError(Record, frozen=True):
    """The stored error of a generation that failed."""

    status: Annotated[int | None, Meaning("Status returned to the client.", "HTTP status")] = None
    message: Annotated[str | None, Meaning("Message returned to the client.")] = None
    provider_name: Annotated[str | None, Meaning("The provider that failed, where known.")] = None
    raw: Annotated[str | None, Meaning("The provider's body, where stored.")] = None
    previous_errors: Annotated[
        tuple[GenerationContentErrorAttempt, ...] | None, Meaning("The attempts that failed before it, in order.")
    ] = None
    extra_json: Annotated[_Never | None, _EXTRA_MEANING] = None


class GenerationContentData(Record, frozen=True):
    """The content of one generation: input, output, and the error of one that failed."""

    input: Annotated[GenerationContentInput | None, Meaning("The input.")] = None
    output: Annotated[GenerationContentDataOutput | None, Meaning("The output.")] = None
    error: Annotated[GenerationContentError | None, Meaning("The stored error; None if it succeeded.")] = None
    extra_json: Annotated[_Never | None, _EXTRA_MEANING] = None


class GenerationContentResponse(Record, frozen=True):
    """The answer to ``GET /generation/content``."""

    data: Annotated[GenerationContentData, Meaning("The content.")]
    extra_json: Annotated[_Never | None, _EXTRA_MEANING] = None
