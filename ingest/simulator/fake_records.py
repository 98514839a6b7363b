"""The records of the simulated OpenRouter: the same for the same seed and generation ID.

The shapes and special cases are those of real answers: fallbacks, BYOK, cache discounts of both signs, cancelled and
failed generations, response-cache hits, images, embeddings, fields that older answers lack, and undocumented fields of
newer ones. Shares and prices are invented, with the magnitudes of real traffic.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from ingest.core.generation_id import second_of
from ingest.simulator.account import key_of, workspace_of
from ingest.simulator.draws import number
from ingest.simulator.models import EMBEDDING_MODEL, IMAGE_MODEL, MODELS

if TYPE_CHECKING:
    from ingest.simulator.models import Model

_WEIGHTS = [1 / (rank + 2) for rank in range(len(MODELS))]
"""Popularity of the models: some are used much more than others."""

_MISSING_IN_OLD_ANSWERS = (
    "api_type",
    "router",
    "preset_id",
    "service_tier",
    "workspace_id",
    "data_region",
    "request_id",
    "session_id",
)
_AGENTS = ("node-fetch/1.0", "python-requests/2.32", "OpenAI/Python 1.99.0", "LiteLLM/1.75", None)
_APPS = ((4211, "https://app.example.com/"), (90210, "https://batch.example.com/"), (None, ""))
_BYOK_FEE = 0.05
"""OpenRouter's charge for BYOK, as a share of the provider's price."""

_CACHE_READ, _CACHE_WRITE = 0.1, 1.25
"""Price of a cached prompt token and of one written to the cache, as multiples of an ordinary one."""

_LEGACY_BEGIN = datetime(2024, 3, 1, tzinfo=UTC)
"""Begin of the 180 days in which generations with legacy IDs are dated; such an ID has no timestamp."""


def record(seed: int, generation_id: str) -> dict[str, Any]:
    """The ``data`` of the answer of ``/generation``: documented fields in documented types, and the special cases."""
    data = _Draw(Random(number(seed, generation_id, "record")), generation_id).data()  # noqa: S311  # no secret
    if "api_key_id" in data:
        data["api_key_id"] = key_of(seed, generation_id, workspace_of(data)).number
    return data


def content(seed: int, generation_id: str) -> dict[str, Any]:
    """The ``data`` of the answer of ``/generation/content``: input in one of two forms, output, error if it failed."""
    random = Random(number(seed, generation_id, "content"))  # noqa: S311  # no secret
    question = f"What is {random.randrange(100)} times {random.randrange(100)}?"
    failed = record(seed, generation_id)["finish_reason"] == "error"
    return {
        "input": random.choice([{"prompt": question}, {"messages": [{"role": "user", "content": question}]}]),
        "output": {"completion": None if failed else f"It is {random.randrange(10_000)}.", "reasoning": None},
        "error": _stored_error(random) if failed else None,
    }


def _stored_error(random: Random) -> dict[str, Any]:
    attempt = {"code": 429, "message": "Provider returned error", "provider_name": "Google", "raw": None}
    return {
        "status": 502,
        "message": "Provider returned error",
        "provider_name": "Azure",
        "raw": json.dumps({"error": {"code": 502, "message": "Bad gateway"}}),
        "previous_errors": [attempt] * random.randrange(3),
    }


class _Draw:
    """Draws one record. The order of the draws is fixed: another order would change every record."""

    def __init__(self, random: Random, generation_id: str) -> None:
        self._random = random
        self._id = generation_id
        self._model = self._draw_model()
        self._streamed = self._model.api_type == "completions" and self._chance(0.65)
        self._cached_answer = self._model.api_type == "completions" and self._chance(0.02)
        self._cancelled = self._streamed and not self._cached_answer and self._chance(0.04)
        self._failed = not self._cancelled and not self._cached_answer and self._chance(0.015)
        self._is_byok = self._chance(0.08)
        self._created = self._draw_moment()
        self._prompt, self._completion, self._reasoning, self._images = self._draw_tokens()
        self._read, self._written = self._draw_cache()

    def data(self) -> dict[str, Any]:
        app_id, origin = self._random.choice(_APPS)
        data = {
            "id": self._id,
            "upstream_id": None if self._cached_answer else f"chatcmpl-{self._random.getrandbits(64):016x}",
            "created_at": self._created_at(),
            "model": self._model.slug,
            "app_id": app_id,
            "origin": origin,
            "http_referer": origin or None,
            "user_agent": self._random.choice(_AGENTS),
            "streamed": self._streamed,
            "cancelled": self._cancelled,
            "is_byok": self._is_byok,
            "api_type": self._model.api_type,
            "router": "openrouter/auto" if self._chance(0.05) else None,
            "service_tier": "priority" if self._chance(0.02) else None,
            "data_region": "europe" if self._chance(0.1) else "global",
            "preset_id": None,
            "workspace_id": "550e8400-e29b-41d4-a716-446655440000" if self._chance(0.5) else None,
            "external_user": f"user-{self._random.randrange(40)}" if self._chance(0.7) else None,
            "session_id": f"session-{self._random.randrange(400)}" if self._chance(0.4) else None,
            "request_id": f"req-{int(self._created.timestamp())}-{self._random.getrandbits(40):010x}",
            "response_cache_source_id": self._cache_source(),
            **self._reasons(),
            **self._tokens(),
            **self._costs(),
            **self._times(),
        }
        return self._with_age(data)

    def _chance(self, share: float) -> bool:
        return self._random.random() < share

    def _draw_model(self) -> Model:
        if self._id.startswith("gen-emb-"):
            return EMBEDDING_MODEL
        if self._id.startswith("gen-img-"):
            return IMAGE_MODEL
        return self._random.choices(MODELS, _WEIGHTS)[0]

    def _draw_moment(self) -> datetime:
        """The ID's timestamp plus a fraction of a second; for a legacy ID a moment in the time of such IDs."""
        second = second_of(self._id) or _LEGACY_BEGIN + timedelta(seconds=self._random.randrange(180 * 86_400))
        return second + timedelta(microseconds=self._random.randrange(1_000_000))

    def _draw_tokens(self) -> tuple[int, int, int, int]:
        if self._cached_answer:
            return 0, 0, 0, 0
        prompt = int(self._random.lognormvariate(7, 1.3)) + 1
        if self._model is EMBEDDING_MODEL:
            return prompt, 0, 0, 0
        if self._model is IMAGE_MODEL:
            return prompt, 1290, 0, 1290
        completion = 0 if self._failed else int(self._random.lognormvariate(5.5, 1.1)) + 1
        reasoning = int(completion * self._random.uniform(0.2, 1.02)) if self._model.reasons else 0
        return prompt, completion, reasoning, 0

    def _draw_cache(self) -> tuple[int, int]:
        """Prompt tokens read from the provider's cache and written to it; the API does not report the latter."""
        if self._chance(0.3):
            return int(self._prompt * self._random.uniform(0.3, 0.95)), 0
        return 0, self._prompt // 2 if self._chance(0.08) else 0

    def _created_at(self) -> str:
        """One of the three forms seen in real answers: six digits, five digits, milliseconds with Z."""
        digits = self._created.strftime("%Y-%m-%dT%H:%M:%S.%f")
        return self._random.choice((f"{digits}+00:00", f"{digits[:-1]}+00:00", f"{digits[:-3]}Z"))

    def _cache_source(self) -> str | None:
        earlier = int(self._created.timestamp()) - self._random.randrange(60, 3600)
        return f"gen-{earlier}-{self._random.getrandbits(80):020x}" if self._cached_answer else None

    def _reasons(self) -> dict[str, Any]:
        if self._cancelled:
            return {"finish_reason": None, "native_finish_reason": None}
        if self._failed:
            return {"finish_reason": "error", "native_finish_reason": "server_error"}
        draw = self._random.random()
        if draw < 0.03:
            return {"finish_reason": "length", "native_finish_reason": "max_tokens"}
        if draw < 0.035:
            return {"finish_reason": "content_filter", "native_finish_reason": "SAFETY"}
        return {"finish_reason": "stop", "native_finish_reason": self._random.choice(("stop", "end_turn", "STOP"))}

    def _tokens(self) -> dict[str, Any]:
        searched = self._chance(0.03)
        return {
            "tokens_prompt": int(self._prompt * 0.97),
            "tokens_completion": int(self._completion * 0.97),
            "native_tokens_prompt": self._prompt,
            "native_tokens_completion": self._completion,
            "native_tokens_completion_images": self._images,
            "native_tokens_reasoning": self._reasoning,
            "native_tokens_cached": self._read,
            "num_media_prompt": 1 if self._chance(0.04) else 0,
            "num_input_audio_prompt": 0,
            "num_media_completion": 1 if self._images else 0,
            "num_search_results": 5 if searched else None,
            "num_fetches": 0,
            "web_search_engine": "exa" if searched else None,
        }

    def _costs(self) -> dict[str, Any]:
        price = self._model.prompt_price / 1_000_000
        saved = self._read * price * (1 - _CACHE_READ) - self._written * price * (_CACHE_WRITE - 1)
        full = self._prompt * price + self._completion * self._model.completion_price / 1_000_000
        charged = 0 if self._cached_answer or self._failed else max(full - saved, 0)
        usage = charged * _BYOK_FEE if self._is_byok else charged
        return {
            "usage": usage or 0,
            "total_cost": usage or 0,
            "upstream_inference_cost": self._upstream(charged),
            "cache_discount": saved if charged and saved else None,
        }

    def _upstream(self, charged: float) -> float | None:
        """For BYOK the provider's charge or a refund; otherwise documented as 0 or null, but sometimes an amount."""
        if self._is_byok:
            return -charged if self._chance(0.03) else charged
        return self._random.choice((None, None, 0, charged))

    def _times(self) -> dict[str, Any]:
        attempts = self._attempts()
        if self._cached_answer:
            return {"latency": 3, "generation_time": 0, "moderation_latency": None, **attempts}
        first = round(self._random.lognormvariate(6.3, 0.6), 1)
        speed = max(self._model.speed, 1) * self._random.uniform(0.6, 1.3)
        whole = first + 1000 * self._completion / speed
        return {
            "latency": int(first) if self._streamed else round(whole, 1),
            "generation_time": round(whole, 1) if self._chance(0.3) else int(whole) + 1,
            "moderation_latency": self._random.randrange(30, 200) if self._chance(0.1) else None,
            **attempts,
        }

    def _attempts(self) -> dict[str, Any]:
        """Provider and attempts: sometimes the list is missing, sometimes one or two providers failed before."""
        provider = self._random.choice(self._model.providers)
        if self._cached_answer or self._chance(0.03):
            return {"provider_name": provider, "provider_responses": None}
        others = [p for p in self._model.providers if p != provider]
        failed = self._random.sample(others, min(len(others), 1 + self._chance(0.2))) if self._chance(0.12) else []
        tries = [self._attempt(p, self._random.choice((429, 429, 503, 500))) for p in failed]
        tries.append(self._attempt(provider, 502 if self._failed else 200))
        return {"provider_name": provider, "provider_responses": tries}

    def _attempt(self, provider: str, status: int) -> dict[str, Any]:
        entry: dict[str, Any] = {
            "provider_name": provider,
            "status": None if self._chance(0.002) else status,
            "latency": self._random.randrange(40, 2500),
            "is_byok": self._is_byok,
            "endpoint_id": f"ep-{self._random.getrandbits(32):08x}",
            "model_permaslug": self._model.slug,
        }
        if self._chance(0.9):
            entry["id"] = f"resp-{self._random.getrandbits(48):012x}"
        return entry

    def _with_age(self, data: dict[str, Any]) -> dict[str, Any]:
        """Remove documented fields, as in older answers, or add undocumented ones, as in newer answers."""
        if second_of(self._id) is None or self._chance(0.04):
            for name in _MISSING_IN_OLD_ANSWERS:
                data.pop(name)
        elif self._chance(0.06):
            data["usage_cache"] = self._random.choice((None, 0.0001))
            data["api_key_id"] = self._random.randrange(10_000)  # `record` puts the key's own there
        return data
