"""The log of an app that makes the simulated traffic: one line of JSON per answer that it read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ingest.simulator.fake_records import record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def lines(seed: int, generation_ids: Iterable[str]) -> Iterator[str]:
    """The line of each generation, with the usage that its answer told."""
    for generation_id in generation_ids:
        data = record(seed, generation_id)
        usage = {
            "prompt_tokens": data["native_tokens_prompt"],
            "completion_tokens": data["native_tokens_completion"],
            "cost": data["usage"],
            "is_byok": data["is_byok"],
            "cost_details": {"upstream_inference_cost": data["upstream_inference_cost"]},
        }
        response = {"id": generation_id, "model": data["model"], "usage": usage}
        yield json.dumps({"time": data["created_at"], "level": "info", "response": response}) + "\n"
