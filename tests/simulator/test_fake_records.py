import json
import re
from collections import Counter
from pathlib import Path

import pytest
from support.logs import new_ids

from ingest.simulator import fake_records
from ingest.warehouse.schema import ATTEMPT_FIELDS, GENERATION_FIELDS

IDS = new_ids(3000, seed=2)
RECORDS = [fake_records.record(1, i) for i in IDS]
OPENAPI = Path(__file__).parents[3] / "shared" / "facts" / "openrouter-generation.openapi.yaml"


def test_a_record_is_the_same_for_a_seed_and_an_id_and_another_for_another():
    assert json.dumps(fake_records.record(1, IDS[0])) == json.dumps(fake_records.record(1, IDS[0]))
    assert fake_records.record(1, IDS[0]) != fake_records.record(2, IDS[0])
    assert fake_records.record(1, IDS[0]) != fake_records.record(1, IDS[1])


def test_all_documented_fields_are_served_and_nothing_else_but_the_newer_keys():
    seen = {name for record in RECORDS for name in record}
    documented = {c.api_name for c in GENERATION_FIELDS} | {"provider_responses"}
    assert seen == documented | {"usage_cache", "api_key_id"}
    entries = {name for r in RECORDS for a in r["provider_responses"] or () for name in a}
    assert entries == {c.api_name for c in ATTEMPT_FIELDS} - {"routed_service_tier"}


CASES = {
    "BYOK": lambda r: r["is_byok"],
    "BYOK refund": lambda r: r["is_byok"] and (r["upstream_inference_cost"] or 0) < 0,
    "upstream cost without BYOK": lambda r: not r["is_byok"] and r["upstream_inference_cost"],
    "cache discount": lambda r: (r["cache_discount"] or 0) > 0,
    "cache write": lambda r: (r["cache_discount"] or 0) < 0,
    "fallback after 429": lambda r: any(a["status"] == 429 for a in r["provider_responses"] or ()),
    "no attempts told": lambda r: r["provider_responses"] is None,
    "cancelled and yet charged": lambda r: r["cancelled"] and r["usage"] and r["finish_reason"] is None,
    "failed": lambda r: r["finish_reason"] == "error",
    "truncated": lambda r: r["finish_reason"] == "length",
    "filtered": lambda r: r["finish_reason"] == "content_filter",
    "streamed": lambda r: r["streamed"],
    "not streamed": lambda r: not r["streamed"],
    "response-cache hit": lambda r: r["response_cache_source_id"] and r["usage"] == 0,
    "older answer": lambda r: "workspace_id" not in r,
    "newer answer": lambda r: "usage_cache" in r,
    "more reasoning than completion": lambda r: r["native_tokens_reasoning"] > r["native_tokens_completion"],
    "price in exponent": lambda r: "e-" in json.dumps(r["usage"]),
    "price finer than the warehouse": lambda r: len(json.dumps(r["usage"])) > 16,
    "integer 0 for a price": lambda r: json.dumps(r["usage"]) == "0",
    "fractional ms": lambda r: isinstance(r["latency"], float),
    "empty origin": lambda r: r["origin"] == "",
    "web search": lambda r: r["num_search_results"],
    "created_at with six digits": lambda r: re.search(r"\.\d{6}\+00:00$", r["created_at"]),
    "created_at with five digits": lambda r: re.search(r"\.\d{5}\+00:00$", r["created_at"]),
    "created_at with Z": lambda r: re.search(r"\.\d{3}Z$", r["created_at"]),
}


@pytest.mark.parametrize("case", CASES)
def test_the_cases_of_real_answers_occur(case):
    assert any(map(CASES[case], RECORDS))


def test_some_thirty_models_and_providers():
    assert len({r["model"] for r in RECORDS}) >= 30
    assert len({r["provider_name"] for r in RECORDS}) >= 25


def test_tags_tell_the_api():
    tail = "1753485462-pfqdjgABCDEFGHIJ1234"
    assert fake_records.record(1, f"gen-emb-{tail}")["api_type"] == "embeddings"
    image = fake_records.record(1, f"gen-img-{tail}")
    assert (image["api_type"], image["num_media_completion"]) == ("image", 1)


def test_content_has_both_forms_and_the_stored_error():
    contents = [fake_records.content(1, i) for i in IDS[:500]]
    assert {next(iter(c["input"])) for c in contents} == {"prompt", "messages"}
    assert Counter(c["error"] is None for c in contents)[False] > 0


@pytest.mark.skipif(not OPENAPI.exists(), reason="the OpenAPI text is not at hand")
def test_the_schema_has_every_field_of_the_openapi_text():
    text = OPENAPI.read_text(encoding="utf-8")
    data = text[text.index("  GenerationResponse:") : text.index("  ProviderResponse:")]
    attempt = text[text.index("  ProviderResponse:") : text.index("  UnauthorizedResponse:")]
    assert {c.api_name for c in GENERATION_FIELDS} | {"provider_responses"} == set(
        re.findall(r"^ {10}(\w+):$", data, re.MULTILINE)
    )
    assert {c.api_name for c in ATTEMPT_FIELDS} == set(re.findall(r"^ {6}(\w+):$", attempt, re.MULTILINE)) - {
        "properties"
    }
