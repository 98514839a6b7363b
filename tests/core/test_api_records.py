"""The API records: documented, frozen, and encoded to the same JSON."""

import inspect
import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal, localcontext
from typing import get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.client.decode import decode_content, decode_generation
from ingest.core import api_records
from ingest.core.api_records import (
    GenerationContentInput,
    GenerationContentResponse,
    GenerationResponse,
    GenerationResponseData,
    ProviderResponse,
)
from ingest.core.meaning import Meaning, unit_of
from ingest.core.record import EXTRA, Record, fields_of

RECORDS = [r for r in vars(api_records).values() if inspect.isclass(r) and issubclass(r, Record) and r is not Record]
FIELDS = [(record, field) for record in RECORDS for field in fields_of(record)]
UNITS = {"USD", "ms", "tokens", "UTC", "items", "results", "fetches", "HTTP status"}

WHOLE = b"""{"id": "gen-1753485462-AbCdEfGhIj0123456789", "created_at": "2026-02-24T21:19:33.705001Z",
"usage": 6.02e-06, "total_cost": 0.00015300000000000002, "upstream_inference_cost": -1, "is_byok": false,
"tokens_prompt": 9007199254740993, "latency": 74512.5, "origin": "",
"provider_responses": [{"status": 529, "latency": 12.5}, {"status": null}, 7],
"usage_cache": 0.10, "far": 1e400, "count": 123456789012345678901234567890}"""


def generation(**fields):
    return decode_generation(json.dumps({"data": {"id": "gen-1", **fields}}).encode())


def exactly(body: bytes):
    """Decoded JSON with each number as the exact value of its text."""
    return json.loads(body, parse_float=Decimal, parse_int=Decimal)


def said(record: dict) -> dict:
    return {name: value for name, value in record.items() if value is not None}


# Docstrings


def test_all_records_are_looked_at():
    assert len(RECORDS) == 9
    assert {GenerationResponse, GenerationContentResponse, ProviderResponse} < set(RECORDS)


@pytest.mark.parametrize("record", RECORDS)
def test_help_lists_every_field_once_and_in_order(record):
    lines = inspect.getdoc(record).splitlines()
    assert lines[0].endswith(".")
    assert lines[1:3] == ["", "Attributes:"]
    assert [line.split()[0] for line in lines[3:]] == list(record.__struct_fields__)


@pytest.mark.parametrize(("record", "field"), FIELDS, ids=lambda x: getattr(x, "name", getattr(x, "__name__", "")))
def test_help_shows_type_meaning_and_unit_of_every_field(record, field):
    (line,) = (ln for ln in inspect.getdoc(record).splitlines() if ln.startswith(f"    {field.name} ("))
    assert f"): {field.meaning}" in line
    assert field.meaning.text.endswith((".", "…"))
    assert field.meaning.unit in UNITS | {""}
    assert not field.meaning.unit or line.endswith(f" Unit: {field.meaning.unit}.")
    spelled = line.partition("(")[2].partition("): ")[0]
    assert "ingest." not in spelled
    assert "Annotated" not in spelled
    assert "class" not in spelled


@pytest.mark.parametrize(
    ("record", "line"),
    [
        (
            GenerationResponseData,
            "created_at (datetime.datetime | None): When OpenRouter created the record. Unit: UTC.",
        ),
        (GenerationResponseData, "streamed (bool | None): Whether the answer was streamed."),
        (ProviderResponse, "provider_name (str | None): Provider that was asked."),
        (GenerationResponse, "data (GenerationResponseData): The generation."),
        (GenerationContentInput, "messages (list[typing.Any] | None): The messages of a chat, as they were sent."),
    ],
)
def test_help_reads_well(record, line):
    assert f"    {line}" in inspect.getdoc(record).splitlines()


def test_help_names_the_records_that_stand_in_records():
    assert "provider_responses (tuple[ProviderResponse, ...] | None): " in GenerationResponseData.__doc__


@pytest.mark.parametrize("record", RECORDS)
def test_every_field_is_declared_with_its_meaning(record):
    assert [f.name for f in fields_of(record)] == list(record.__struct_fields__)
    assert {type(f.meaning) for f in fields_of(record)} == {Meaning}
    assert record.__struct_fields__[-1] == EXTRA


@pytest.mark.parametrize(
    ("ends", "unit"),
    [
        (("_cost", "usage", "_discount"), "USD"),
        (("latency", "_time"), "ms"),
        (("_at",), "UTC"),
        (("status", "code"), "HTTP status"),
    ],
)
def test_what_is_measured_has_its_unit(ends, unit):
    measured = [field for _, field in FIELDS if field.name.endswith(ends)]
    assert measured
    assert {field.meaning.unit for field in measured} == {unit}


def test_tokens_and_money_are_counted_in_tokens_and_dollars_only():
    for field in fields_of(GenerationResponseData):
        assert ("tokens" in field.name) == (field.meaning.unit == "tokens"), field.name
        assert (field.type == Decimal | None) == (field.meaning.unit == "USD"), field.name


def test_the_text_of_a_meaning_includes_its_unit():
    assert str(Meaning("Charged.", "USD")) == "Charged. Unit: USD."
    assert str(Meaning("Model.")) == "Model."


@pytest.mark.parametrize(("record", "field"), FIELDS, ids=lambda x: getattr(x, "name", getattr(x, "__name__", "")))
def test_the_unit_is_read_back_from_the_text_of_a_meaning(record, field):
    assert (unit_of(str(field.meaning)) or "") == field.meaning.unit


# Frozen


@pytest.mark.parametrize("record", RECORDS)
def test_records_are_frozen_and_take_no_other_attribute(record):
    one = record(data=None) if "data" in record.__struct_fields__ else record()
    for name in record.__struct_fields__:
        with pytest.raises(AttributeError):
            setattr(one, name, None)
    with pytest.raises(AttributeError):
        one.another = 1


@pytest.mark.parametrize("record", [r for r in RECORDS if "data" not in r.__struct_fields__])
def test_a_record_of_nothing_holds_nothing(record):
    one = record()
    assert {getattr(one, name) for name in record.__struct_fields__} == {None}
    assert one.extra == {}
    assert one == record()
    assert hash(one) == hash(record())


# Extra


def test_extra_is_what_no_field_holds_by_its_name_in_the_answer():
    response = generation(usage="0.5", new={"a": [1, None]}, nothing=None, provider_responses=[{"region": "eu"}, 7])
    assert response.data.extra == {"usage": "0.5", "new": {"a": [1, None]}, "nothing": None}
    assert [r.extra for r in response.data.provider_responses] == [{"region": "eu"}, {"provider_response": 7}]
    assert response.extra == {}


def test_extra_is_the_callers_own():
    data = generation(new=[1]).data
    data.extra["new"].append(2)
    assert data.extra == {"new": [1]}


@pytest.mark.parametrize(
    "text", ["1e400", "-1e400", "9" * 5000, "-" + "9" * 5000, "[1e400]", '{"a": ' + "9" * 5000 + "}"]
)
@pytest.mark.parametrize("name", ["new", "tokens_prompt", "usage"])
def test_extra_can_be_read_whatever_a_number_is_like(text, name):
    data = decode_generation(f'{{"data": {{"id": "gen-1", "{name}": {text}, "other": [1.5]}}}}'.encode()).data
    assert f'"{name}":{text}' in data.extra_json
    assert data.extra.keys() == {name, "other"}
    assert data.extra["other"] == [1.5]


# Encoding


def test_encoding_returns_the_answer_to_the_last_digit():
    record = decode_generation(b'{"data": ' + WHOLE + b', "user_id": "u"}')
    encoded = exactly(record.to_json())
    assert (list(encoded), encoded["user_id"]) == (["data", "user_id"], "u")
    data = said(encoded["data"])
    assert data["total_cost"] == Decimal("0.00015300000000000002")
    assert b'"total_cost":0.00015300000000000002' in record.to_json()
    assert b'"usage_cache":0.10' in record.to_json()
    assert b'"count":123456789012345678901234567890' in record.to_json()
    assert [said(r) for r in data.pop("provider_responses")] == [
        {"status": 529, "latency": 12.5},
        {},
        {"provider_response": 7},
    ]
    expected = exactly(WHOLE)
    del expected["provider_responses"]
    assert data == expected


def test_a_record_can_be_encoded_without_its_envelope():
    record = decode_generation(b'{"data": ' + WHOLE + b', "user_id": "u"}')
    assert exactly(record.data.to_json()) == exactly(record.to_json())["data"]
    (_, second, third) = record.data.provider_responses
    assert said(json.loads(second.to_json())) == {}
    assert said(json.loads(third.to_json())) == {"provider_response": 7}


def test_the_json_has_all_fields_of_the_record_in_order_and_not_extra_json():
    encoded = json.loads(generation().to_json())
    assert list(encoded["data"]) == [f.name for f in fields_of(GenerationResponseData) if f.name != EXTRA]
    assert said(encoded["data"]) == {"id": "gen-1"}


def test_a_field_of_the_answer_named_extra_json_is_kept_apart():
    response = generation(extra_json="mine")
    assert response.data.extra == {EXTRA: "mine"}
    assert json.loads(response.to_json())["data"][EXTRA] == "mine"


@pytest.mark.parametrize(
    "text",
    [
        "0",
        "1",
        "-1",
        "6.02e-06",
        "1e-12",
        "999999.999999999999",
        "0.00015300000000000002",
        "1e-13",
        "1e6",
        '"0.5"',
        "1e400",
    ],
)
def test_money_is_encoded_as_the_number_it_was(text):
    body = b'{"data": {"id": "gen-1", "usage": %b}}' % text.encode()
    assert exactly(decode_generation(body).to_json())["data"]["usage"] == exactly(text.encode())


@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        ("2026-02-24T21:19:33.705001Z", "2026-02-24T21:19:33.705001Z"),
        ("2024-12-13T23:07:14.87033+00:00", "2024-12-13T23:07:14.870330Z"),
        ("2026-02-24T01:19:33+02:00", "2026-02-23T23:19:33Z"),
        ("2026-02-24T21:19:33", "2026-02-24T21:19:33Z"),
        ("yesterday", "yesterday"),
    ],
)
def test_a_time_is_encoded_in_utc(text, encoded):
    assert json.loads(generation(created_at=text).to_json())["data"]["created_at"] == encoded


@given(
    st.datetimes(datetime.fromisoformat("0001-01-03"), datetime.fromisoformat("9999-12-29")),
    st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)
def test_every_time_is_encoded_as_the_same_instant(time, zone):
    response = generation(created_at=time.replace(tzinfo=zone).isoformat())
    encoded = datetime.fromisoformat(json.loads(response.to_json())["data"]["created_at"])
    assert (encoded, encoded.utcoffset()) == (time.replace(tzinfo=zone), timedelta(0))
    assert decode_generation(response.to_json()) == response


@given(st.decimals(-999_999, 999_999, places=12), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False))
def test_every_number_is_encoded_exactly(price, count, real):
    real = real if abs(real) != float("inf") else 0.0
    body = f'{{"data": {{"usage": {price}, "app_id": {count}, "latency": {real!r}}}}}'.encode()
    response = decode_generation(body)
    encoded = response.to_json()
    assert exactly(encoded)["data"]["usage"] == price
    assert (json.loads(encoded)["data"]["app_id"], json.loads(encoded)["data"]["latency"]) == (count, real)
    assert decode_generation(encoded) == response


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(-1e9, 1e9) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
for_a_double = json_values.filter(lambda v: not isinstance(v, int) or abs(v) <= 2**53)  # larger ones are not exact
plausible = {str: st.text(max_size=8), int: st.integers(), float: st.floats(-1e9, 1e9), bool: st.booleans()}


def objects(record):
    names = [f.name for f in fields_of(record) if f.name not in (EXTRA, "created_at", "provider_responses")]
    kinds = {f.name: (*get_args(f.type), None)[0] for f in fields_of(record) if f.name in names}
    return st.builds(
        lambda beside, ours: {**beside, **ours},
        st.dictionaries(st.text(max_size=8) | st.just(EXTRA), json_values, max_size=3),
        st.fixed_dictionaries(
            {},
            optional={
                n: plausible.get(k, st.floats(-1e7, 1e7)) | (for_a_double if k is float else json_values)
                for n, k in kinds.items()
            },
        ),
    )


@settings(max_examples=200)
@given(objects(GenerationResponseData), st.lists(objects(ProviderResponse), max_size=3), objects(GenerationResponse))
def test_decoding_and_encoding_lose_nothing(fields, entries, envelope):
    fields = {**fields, "id": "gen-1", "provider_responses": entries}
    envelope.pop("data", None)
    body = json.dumps({**envelope, "data": fields}).encode()
    response = decode_generation(body)
    encoded, came = exactly(response.to_json()), exactly(body)
    assert {k: v for k, v in encoded.items() if k != "data"} == {k: v for k, v in came.items() if k != "data"}
    attempts = encoded["data"].pop("provider_responses")
    for got, entry in zip(attempts, came["data"].pop("provider_responses"), strict=True):
        assert said(got) == said(entry)
        assert entry.keys() <= got.keys()
    assert said(encoded["data"]) == said(came["data"])
    assert came["data"].keys() - {"provider_responses"} <= encoded["data"].keys()
    assert exactly(decode_generation(response.to_json()).to_json()) == exactly(response.to_json())


def test_content_is_encoded_too():
    body = {
        "data": {
            "input": {"messages": [{"role": "user", "content": "日本", "n": 1.5}], "new": 1},
            "output": {"completion": "c", "reasoning": None},
            "error": {
                "status": 502,
                "message": 7,
                "provider_name": None,
                "raw": "r",
                "previous_errors": [{"code": 1, "message": None, "provider_name": None, "raw": None}],
            },
        },
        "user_id": "u",
    }
    response = decode_content(json.dumps(body).encode())
    assert json.loads(response.to_json()) == body
    assert decode_content(response.to_json()) == response


# Spend


@pytest.mark.parametrize(
    ("usage", "upstream", "is_byok", "spend"),
    [
        ("0.5", "0.4", None, "0.5"),
        ("0.5", "0.4", False, "0.5"),
        ("0.5", "0.4", True, "0.9"),
        ("0.5", None, True, "0.5"),
        (None, "0.4", True, "0.4"),
        (None, "0.4", False, "0"),
        (None, "0.4", None, "0"),
        (None, None, True, "0"),
        (None, None, None, "0"),
        ("0.5", "-0.6", True, "-0.1"),
        ("0.5", "-0.6", False, "0.5"),
        ("-0.5", None, False, "-0.5"),
        ("0", "0", True, "0"),
        ("999999.999999999999", "0.000000000001", True, "1000000"),
    ],
)
def test_spend_is_usage_and_for_byok_what_the_provider_charged_as_well(usage, upstream, is_byok, spend):
    prices = {"usage": usage, "upstream_inference_cost": upstream}
    data = GenerationResponseData(**{n: p and Decimal(p) for n, p in prices.items()}, is_byok=is_byok)
    assert data.spend == Decimal(spend)
    assert type(data.spend) is Decimal
    assert GenerationResponseData(
        usage=data.usage,
        upstream_inference_cost=data.upstream_inference_cost,
        is_byok=is_byok,
        total_cost=usage and Decimal(9),
    ).spend == Decimal(spend)


@pytest.mark.parametrize(("is_byok", "spend"), [(None, "0.25"), (False, "0.25"), (True, "0.65")])
def test_spend_is_total_cost_where_usage_is_missing(is_byok, spend):
    prices = {"total_cost": Decimal("0.25"), "upstream_inference_cost": Decimal("0.4")}
    assert GenerationResponseData(**prices, is_byok=is_byok).spend == Decimal(spend)


def test_spend_is_not_a_field_of_the_answer():
    response = generation(usage=0.5, spend=7)
    assert (response.data.spend, response.data.extra) == (Decimal("0.5"), {"spend": 7})
    assert "spend" not in GenerationResponseData.__struct_fields__


def test_records_hold_no_reference_cycles_so_garbage_collection_may_skip_them():
    assert not any(record.__struct_config__.gc for record in RECORDS)
    assert all(issubclass(record, msgspec.Struct) for record in RECORDS)


def test_a_time_without_zone_never_comes_out():
    assert generation(created_at="2026-02-24T21:19:33").data.created_at == datetime(2026, 2, 24, 21, 19, 33, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "shown"), [("0", "0"), ("0.0015", "0.0015"), ("6.02e-06", "0.00000602"), ("1e3", "1000")]
)
def test_money_in_json_has_the_digits_it_needs_and_no_more(text, shown):
    data = decode_generation(f'{{"data": {{"id": "gen-1", "usage": {text}}}}}'.encode()).data
    assert f'"usage":{shown},' in data.to_json().decode()


def test_the_callers_decimal_context_rounds_no_price():
    body = b'{"data": {"id": "gen-1", "usage": 123456.123456789012, "upstream_inference_cost": 1.5, "is_byok": true}}'
    with localcontext(prec=6):
        data = decode_generation(body).data
        assert str(data.usage) == "123456.123456789012"
        assert str(data.spend) == "123457.623456789012"
        assert b'"usage":123456.123456789012,' in data.to_json()


def test_a_record_becomes_a_dict_of_python_values():
    data = decode_generation(b'{"data": ' + WHOLE + b"}").data
    fields = data.to_dict()
    assert fields.keys() == json.loads(data.to_json()).keys()
    assert fields["usage"] == Decimal("0.00000602")
    assert fields["created_at"] == datetime(2026, 2, 24, 21, 19, 33, 705001, tzinfo=UTC)
    assert fields["provider_responses"][0]["status"] == 529
    assert fields["count"] == 123456789012345678901234567890
    assert decode_generation(b'{"data": {"id": "gen-1"}, "more": [1]}').to_dict() == {
        "data": decode_generation(b'{"data": {"id": "gen-1"}}').data.to_dict(),
        "more": [1],
    }


def test_a_dict_of_content_has_only_what_came():
    content = decode_content(b'{"data": {"input": {"prompt": "Hello?"}, "output": {"completion": "Hello!"}}}')
    assert content.to_dict()["data"]["input"] == {"prompt": "Hello?"}


@settings(max_examples=50)
@given(
    st.dictionaries(
        st.text(max_size=8), st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=8), max_size=6
    )
)
def test_a_dict_says_what_the_json_says(fields):
    data = generation(**{**fields, "id": "gen-1"}).data
    assert json.loads(json.dumps(data.to_dict(), default=str)) == {
        name: str(getattr(data, name)) if isinstance(getattr(data, name, None), (Decimal, datetime)) else value
        for name, value in json.loads(data.to_json()).items()
    }
