"""The declared columns: those of the API are its records' scalar fields, in order, and nothing else."""

import pytest

from ingest.core.api_records import GenerationResponseData, ProviderResponse
from ingest.core.record import EXTRA as EXTRA_FIELD
from ingest.core.record import fields_of
from ingest.warehouse.schema import ATTEMPT_FIELDS, GENERATION_FIELDS, TABLES, Kind

KIND_OF = {c.name: c.kind for c in GENERATION_FIELDS}


def names_of(record):
    return [field.name for field in fields_of(record) if field.name != EXTRA_FIELD]


def test_every_scalar_field_of_an_answer_is_a_column_in_order():
    assert [*KIND_OF, "provider_responses"] == names_of(GenerationResponseData)
    assert len(GENERATION_FIELDS) == 44
    assert [c.name for c in ATTEMPT_FIELDS] == names_of(ProviderResponse)
    assert len(ATTEMPT_FIELDS) == 8


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (Kind.MONEY, {"usage", "total_cost", "upstream_inference_cost", "cache_discount"}),
        (Kind.TIME, {"created_at"}),
        (Kind.REAL, {"latency", "generation_time", "moderation_latency"}),
        (Kind.FLAG, {"is_byok", "streamed", "cancelled"}),
        (Kind.INTEGER, {n for n in KIND_OF if n.startswith(("tokens_", "native_tokens_", "num_"))} | {"app_id"}),
    ],
)
def test_a_columns_kind_is_that_of_its_field(kind, names):
    assert {name for name, its in KIND_OF.items() if its is kind} == names


def test_all_other_columns_are_text():
    assert {c.name for c in GENERATION_FIELDS if c.kind is Kind.TEXT} == {
        *("id", "api_type", "model", "provider_name", "router", "service_tier", "data_region", "web_search_engine"),
        *("finish_reason", "native_finish_reason", "response_cache_source_id", "origin", "http_referer", "user_agent"),
        *("external_user", "session_id", "request_id", "upstream_id", "preset_id", "workspace_id"),
    }
    assert {c.name: c.kind for c in ATTEMPT_FIELDS if c.kind is not Kind.TEXT} == {
        "status": Kind.INTEGER,
        "latency": Kind.REAL,
        "is_byok": Kind.FLAG,
    }


@pytest.mark.parametrize(
    ("columns", "record"), [(GENERATION_FIELDS, GenerationResponseData), (ATTEMPT_FIELDS, ProviderResponse)]
)
def test_a_column_says_what_its_field_says(columns, record):
    said = {field.name: str(field.meaning) for field in fields_of(record)}
    assert [c.comment for c in columns] == [said[c.name] for c in columns]
    assert [c.api_name for c in columns] == [c.name for c in columns]


@pytest.mark.parametrize("table", TABLES)
def test_a_table_names_each_column_once_and_says_what_it_means(table):
    names = [column.name for column in TABLES[table]]
    assert len(names) == len(set(names))
    assert names[0] == "generation_id"
    assert all(column.meaning for column in TABLES[table])
    assert EXTRA_FIELD not in names
    assert "extra" in names
