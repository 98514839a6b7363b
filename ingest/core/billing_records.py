"""What OpenRouter's billing endpoints tell, as values: Activity, totals of Analytics, credits and listed models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date
    from decimal import Decimal


@dataclass(frozen=True, slots=True)
class ActivityRow:
    """What was used of a model at an endpoint on a day, under the API's names. A field that was not told is None.

    Attributes:
        model: Slug of the model.
        model_permaslug: Canonical slug of the model.
        endpoint_id: OpenRouter's endpoint.
        provider_name: Provider that served the requests.
        workspace_id: Workspace.
        usage: Charged to credits, in USD.
        byok_usage_inference: Charged by providers to own keys, estimated, in USD.
        requests: Number of requests.
        prompt_tokens: Prompt tokens.
        completion_tokens: Completion tokens.
        reasoning_tokens: Reasoning tokens.
        cached_tokens: Prompt tokens read from caches.
        extra: JSON object of every field that no other attribute holds exactly; None if there is none.
    """

    model: str | None
    model_permaslug: str | None
    endpoint_id: str | None
    provider_name: str | None
    workspace_id: str | None
    usage: Decimal | None
    byok_usage_inference: Decimal | None
    requests: int | None
    prompt_tokens: int | None
    completion_tokens: int | None
    reasoning_tokens: int | None
    cached_tokens: int | None
    extra: str | None


@dataclass(frozen=True, slots=True)
class ActivityDay:
    """The answer of Activity for one day.

    Attributes:
        day: The day that was asked for, UTC.
        rows: Its rows.
        missing: How many rows lack a field that all should have, by its name.
        ignored: How many rows were of another day, or no rows at all.
    """

    day: date
    rows: tuple[ActivityRow, ...]
    missing: dict[str, int]
    ignored: int


@dataclass(frozen=True, slots=True)
class UsageTotal:
    """A total of Analytics for one day.

    Attributes:
        day: The day, UTC.
        request_count: Number of requests.
        credits_usage: Charged to credits, BYOK fees included, in USD.
        byok_usage: Charged by providers to own keys, estimated, in USD.
        api_key_label: Label of the API key, if it was asked by key; None also where Analytics names none.
    """

    day: date
    request_count: int | None
    credits_usage: Decimal | None
    byok_usage: Decimal | None
    api_key_label: str | None = None


@dataclass(frozen=True, slots=True)
class CreditsSnapshot:
    """The counters of an account's credits, over its lifetime.

    Attributes:
        total_credits: Credits purchased, in USD.
        total_usage: Charged to credits, in USD.
        extra: JSON object of every field that no other attribute holds exactly; None if there is none.
    """

    total_credits: Decimal | None
    total_usage: Decimal | None
    extra: str | None


@dataclass(frozen=True, slots=True)
class ListedModel:
    """An entry of the list of models.

    Attributes:
        slug: Slug of the model, as requests name it.
        canonical_slug: Canonical slug of the model, as bills name it.
        name: Name for people.
        pricing: JSON object of the list prices; None if none was told.
        expiration_date: Date from which it is not served any more, as it was written.
        extra: JSON object of all other fields; None if there is none.
    """

    slug: str
    canonical_slug: str | None
    name: str | None
    pricing: str | None
    expiration_date: str | None
    extra: str | None


@dataclass(frozen=True, slots=True)
class ModelList:
    """The list of models.

    Attributes:
        models: Its entries; of several with one slug the last.
        ignored: How many entries have no slug.
        is_whole: Whether all entries came.
    """

    models: tuple[ListedModel, ...]
    ignored: int
    is_whole: bool
