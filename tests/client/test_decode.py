"""Decoding answers: values are exact, and nothing is lost."""

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import ROUND_HALF_EVEN, Decimal

import msgspec
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from support.long_form import in_two_forms

from ingest.client import decode
from ingest.client.decode import (
    LONGEST_NAME,
    MOST_LEARNED,
    UnreadableError,
    decode_generation,
    error_of,
)
from ingest.client.json_values import LONGEST_NUMBER
from ingest.core import record
from ingest.core.api_records import ProviderResponse
from ingest.warehouse.schema import ATTEMPT_FIELDS, GENERATION_FIELDS, Kind

ID = "gen-1753485462-AbCdEfGhIj0123456789"
KIND_OF = {c.name: c.kind for c in GENERATION_FIELDS}
ATTEMPT_KIND_OF = {c.name: c.kind for c in ATTEMPT_FIELDS}
MONEY_FIELDS = [name for name, kind in KIND_OF.items() if kind is Kind.MONEY]
INTEGER_FIELDS = [name for name, kind in KIND_OF.items() if kind is Kind.INTEGER]
BILLIONTH_OF_A_MILLIONTH = Decimal("1e-12")
UNLEARNABLE = "x" * (LONGEST_NAME + 1)


@pytest.fixture(autouse=True)
def nothing_learned_yet(monkeypatch):
    """Undocumented fields that earlier tests' answers had must not matter."""
    monkeypatch.setattr(decode, "_generations", decode.GenerationDecoder())


def decoded(**fields: str):
    """A generation with some fields given as JSON text. Both ways to decode it must agree."""
    generation = data_of(body_of(**fields))
    slowly = data_of(body_of(**fields, **{UNLEARNABLE: "0"}))
    assert cells_of(slowly) == cells_of(generation)
    assert slowly.provider_responses == generation.provider_responses
    assert texts_beside(slowly) == {**texts_beside(generation), UNLEARNABLE: "0"}
    return generation


def data_of(body: bytes):
    return decode_generation(body).data


def body_of(**fields: str) -> bytes:
    inner = "".join(f', "{name}": {text}' for name, text in fields.items())
    return f'{{"data": {{"id": "{ID}"{inner}}}}}'.encode()


def enveloped(fields: dict, /, **envelope) -> bytes:
    return json.dumps({"data": fields, **envelope}).encode()


def texts_beside(record) -> dict:
    """The values in `extra`, each as its JSON text."""
    beside = msgspec.json.decode(record.extra_json or "{}", type=dict[str, msgspec.Raw])
    return {name: bytes(raw).decode() for name, raw in beside.items()}


def extra_of(record) -> dict:
    return json.loads(record.extra_json) if record.extra_json else {}


def cells_of(record, kinds=KIND_OF) -> dict:
    """The values of the scalar fields of a record."""
    return {name: getattr(record, name) for name in kinds}


def held_by(record, kinds=KIND_OF) -> dict:
    return {name: value for name, value in cells_of(record, kinds).items() if value is not None}


# Money


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", "0"),
        ("0.0", "0"),
        ("-0", "0"),
        ("-0.0", "0"),
        ("0e5", "0"),
        ("1", "1"),
        ("-1", "-1"),
        ("0.1", "0.1"),
        ("6.02e-06", "0.00000602"),
        ("6.02E-6", "0.00000602"),
        ("6.02e-6", "0.00000602"),
        ("1e-12", "0.000000000001"),
        ("-1e-12", "-0.000000000001"),
        ("1E+2", "100"),
        ("0.10000000000000000", "0.1"),
        ("999999.999999999999", "999999.999999999999"),
        ("-999999.999999999999", "-999999.999999999999"),
    ],
)
def test_money_is_exact(text, expected):
    generation = decoded(usage=text)
    assert generation.usage == Decimal(expected)
    assert not generation.usage.is_signed() or Decimal(expected) < 0
    assert generation.extra_json is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.00015300000000000002", "0.000153"),
        ("1e-13", "0"),
        ("-1e-13", "0"),
        ("1e-400", "0"),
        ("0.0000000000005", "0"),
        ("0.0000000000015", "0.000000000002"),
        ("0.0000000000025", "0.000000000002"),
        ("-0.0000000000015", "-0.000000000002"),
        ("0.00000000000250000000001", "0.000000000003"),
        ("999999.9999999999994", "999999.999999999999"),
    ],
)
def test_money_of_more_than_12_places_is_rounded_half_even_and_kept_in_extra(text, expected):
    generation = decoded(usage=text, total_cost="0.5")
    assert generation.usage == Decimal(expected)
    assert not generation.usage.is_signed() or Decimal(expected) < 0
    assert generation.extra_json == f'{{"usage":{text}}}'
    assert generation.total_cost == Decimal("0.5")


@pytest.mark.parametrize(
    "text",
    [
        "1e6",
        "1000000",
        "-1000000",
        "999999.9999999999995",
        "1e18",
        "1e400",
        "-1e400",
        "1e999999999999999999999",
        "1e-999999999999999999999",
        "0e999999999999999999999",
        "9" * LONGEST_NUMBER,
        "9" * 5000,
        "0." + "1" * 5000,
        '"0.5"',
        '"NaN"',
        '"Infinity"',
        '""',
        "true",
        "false",
        "[]",
        "[0.5]",
        "{}",
        '{"usd": 0.5}',
    ],
)
@pytest.mark.parametrize("name", ["usage", "cache_discount"])
def test_a_value_that_is_not_a_price_or_fits_no_column_is_kept_in_extra(text, name):
    generation = decoded(**{name: text})
    assert getattr(generation, name) is None
    assert generation.extra_json == f'{{"{name}":{text}}}'


@given(st.sampled_from(MONEY_FIELDS), st.integers(-(10**18) + 1, 10**18 - 1))
def test_every_price_of_12_places_survives_to_the_last_digit(name, trillionths):
    price = Decimal(trillionths).scaleb(-12)
    generation = decoded(**{name: str(price)})
    assert (getattr(generation, name), generation.extra_json) == (price, None)


@given(st.floats(-999_999, 999_999))
def test_every_float_a_server_may_print_is_its_nearest_price_and_kept_if_that_is_another(number):
    text = json.dumps(number)
    generation = decoded(usage=text)
    exact = Decimal(text)
    assert generation.usage == exact.quantize(BILLIONTH_OF_A_MILLIONTH, ROUND_HALF_EVEN)
    assert generation.extra_json == (None if generation.usage == exact else f'{{"usage":{text}}}')


@settings(max_examples=300, deadline=None)
@given(st.from_regex(r"\A-?(0|[1-9][0-9]{0,70})(\.[0-9]{1,70})?([eE][+-]?[0-9]{1,25})?\Z"))
def test_no_number_breaks_a_record_or_is_lost(text):
    generation = decoded(usage=text, total_cost="0.25")
    assert (generation.id, generation.total_cost) == (ID, Decimal("0.25"))
    is_beside = generation.extra_json == f'{{"usage":{text}}}'
    assert is_beside or (generation.extra_json is None and generation.usage == Decimal(text))


# Times


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-08-16T13:55:18.378595+00:00", "2025-08-16T13:55:18.378595+00:00"),
        ("2024-12-13T23:07:14.87033+00:00", "2024-12-13T23:07:14.870330+00:00"),
        ("2026-02-24T21:19:33.705Z", "2026-02-24T21:19:33.705000+00:00"),
        ("2026-02-24T21:19:33Z", "2026-02-24T21:19:33+00:00"),
        ("2026-02-24T21:19:33.705", "2026-02-24T21:19:33.705000+00:00"),
        ("2026-02-24T01:19:33+02:00", "2026-02-23T23:19:33+00:00"),
        ("2025-12-31T20:00:00-05:30", "2026-01-01T01:30:00+00:00"),
    ],
)
def test_a_time_is_in_utc_however_it_is_spelled(text, expected):
    generation = decoded(created_at=json.dumps(text))
    assert generation.created_at.isoformat() == expected
    assert generation.created_at.tzinfo is UTC
    assert generation.extra_json is None


@given(
    st.datetimes(datetime.fromisoformat("0001-01-03"), datetime.fromisoformat("9999-12-29")),
    st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)
def test_every_time_with_an_offset_is_the_same_instant(time, zone):
    generation = decoded(created_at=json.dumps(time.replace(tzinfo=zone).isoformat()))
    assert generation.created_at == time.replace(tzinfo=zone)
    assert generation.created_at.tzinfo is UTC
    assert generation.extra_json is None


@pytest.mark.parametrize(
    "text",
    [
        '"yesterday"',
        '""',
        '"2025-13-01T00:00:00Z"',
        '"2016-12-31T23:59:60Z"',
        '"2025-08-16"',
        "1753485462",
        "1753485462.5",
        "true",
        "[]",
    ],
)
def test_a_value_that_is_not_a_time_is_kept_in_extra(text):
    generation = decoded(created_at=text)
    assert generation.created_at is None
    assert generation.extra_json == f'{{"created_at":{text}}}'


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00"])
def test_a_time_out_of_range_in_utc_loses_no_other_field(text):
    generation = decoded(created_at=json.dumps(text), usage="0.5")
    assert (generation.id, generation.usage, generation.created_at) == (ID, Decimal("0.5"), None)
    assert extra_of(generation) == {"created_at": text}


# Counts, durations, flags, texts


@given(st.sampled_from(INTEGER_FIELDS), st.integers(-(10**12), 10**12))
@example("app_id", 2**63 - 1)
@example("app_id", -(2**63))
def test_every_count_up_to_a_trillion_is_there_and_every_number_of_an_app(name, count):
    generation = decoded(**{name: str(count)})
    assert (getattr(generation, name), generation.extra_json) == (count, None)


@pytest.mark.parametrize(
    "text",
    [
        "1.5",
        "-0.5",
        "5e-1",
        str(10**12 + 1),
        str(-(10**12) - 1),
        str(2**63),
        str(2**64),
        "1e400",
        "9" * 5000,
        '"5"',
        "true",
        "[5]",
    ],
)
def test_a_count_out_of_range_is_kept_in_extra(text):
    generation = decoded(native_tokens_prompt=text, native_tokens_completion="7")
    assert (generation.native_tokens_prompt, generation.native_tokens_completion) == (None, 7)
    assert generation.extra_json == f'{{"native_tokens_prompt":{text}}}'


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("latency", "74512.5", 74512.5),
        ("latency", "1643", 1643.0),
        ("generation_time", "0", 0.0),
        ("cache_discount", "-0.0125", Decimal("-0.0125")),
        ("is_byok", "false", False),
        ("cancelled", "true", True),
        ("origin", '""', ""),
        ("api_type", '"decisions"', "decisions"),
        ("model", r'"\u65e5\ud83d\ude00"', "日😀"),
    ],
)
def test_unusual_but_valid_values_are_accepted(name, text, expected):
    generation = decoded(**{name: text})
    assert getattr(generation, name) == expected
    assert type(getattr(generation, name)) is type(expected)
    assert generation.extra_json is None


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("latency", '"12"'),
        ("latency", "1e400"),
        ("latency", "true"),
        ("is_byok", "0"),
        ("is_byok", '"true"'),
        ("model", "5"),
        ("model", '["a"]'),
        ("model", "false"),
    ],
)
def test_a_value_of_another_type_is_never_guessed_at(name, text):
    generation = decoded(**{name: text})
    assert getattr(generation, name) is None
    assert generation.extra_json == f'{{"{name}":{text}}}'


def test_decoding_an_invalid_field_resolves_no_type_hints_again(monkeypatch):
    first = data_of(body_of(latency='"x"'))
    monkeypatch.setattr(record, "get_type_hints", lambda *_, **__: pytest.fail("the type hints were resolved again"))
    assert data_of(body_of(latency='"x"')) == first


@pytest.mark.parametrize("name", KIND_OF)
def test_one_invalid_field_loses_no_other(name):
    healthy = {
        Kind.TEXT: '"text"',
        Kind.INTEGER: "3",
        Kind.REAL: "1.5",
        Kind.FLAG: "true",
        Kind.MONEY: "0.25",
        Kind.TIME: '"2026-02-24T21:19:33.705Z"',
    }
    fields = {n: healthy[k] for n, k in KIND_OF.items()}
    inner = ", ".join(f'"{n}": {t}' for n, t in {**fields, name: '{"odd": [1]}'}.items())
    odd = data_of(f'{{"data": {{{inner}}}}}'.encode())
    whole = data_of(f'{{"data": {{{", ".join(f"{json.dumps(n)}: {t}" for n, t in fields.items())}}}}}'.encode())
    assert whole.extra_json is None
    assert None not in cells_of(whole).values()
    assert [n for n in KIND_OF if getattr(odd, n) != getattr(whole, n)] == [name]
    assert (getattr(odd, name), extra_of(odd)) == (None, {name: {"odd": [1]}})


def test_missing_keys_are_null_and_unknown_ones_are_kept():
    generation = decoded(usage_cache="0.10", api_key_id='{"a": [1, null]}', nothing="null", usage="0.5")
    assert generation.usage == Decimal("0.5")
    assert held_by(generation).keys() == {"id", "usage"}
    assert generation.extra == {"usage_cache": 0.1, "api_key_id": {"a": [1, None]}, "nothing": None}
    assert '"usage_cache":0.10' in generation.extra_json


def test_a_null_is_no_value():
    generation = decoded(**{name: "null" for name in [*KIND_OF, "provider_responses"] if name != "id"})
    assert held_by(generation).keys() == {"id"}
    assert (generation.provider_responses, generation.extra_json) == (None, None)


@pytest.mark.parametrize("escape", [r"\ud800", r"\udfff", r"a\ud83db", r"\ud800\u0041", r"\ude00\ud83d"])
@pytest.mark.parametrize("name", ["external_user", "unknown_field"])
def test_half_a_surrogate_pair_in_a_string_affects_only_that_field(escape, name):
    generation = decoded(**{name: f'"{escape}"', "usage": "0.1", "created_at": '"2026-02-24T21:19:33.705Z"'})
    assert (generation.id, generation.usage) == (ID, Decimal("0.1"))
    assert generation.created_at.isoformat() == "2026-02-24T21:19:33.705000+00:00"
    kept = generation.external_user if name == "external_user" else None
    assert kept is not None or name in extra_of(generation)


def test_bytes_that_are_not_utf_8_affect_only_their_field():
    body = body_of(external_user='"ABC"', usage="0.1").replace(b"ABC", b"\xff\xfe")
    generation = data_of(body)
    assert (generation.usage, generation.external_user) == (Decimal("0.1"), None)
    assert "external_user" in extra_of(generation)


# Provider attempts


@pytest.mark.parametrize(
    ("fields", "expected"),
    [({}, None), ({"provider_responses": "null"}, None), ({"provider_responses": "[]"}, ())],
)
def test_no_attempts_are_no_problem_and_none_is_not_unknown(fields, expected):
    generation = decoded(**fields)
    assert (generation.provider_responses, generation.extra_json) == (expected, None)


@pytest.mark.parametrize("text", ["{}", '{"status": 200}', "5", '"none"', "true"])
def test_attempts_that_are_not_a_list_are_kept_in_extra(text):
    generation = decoded(provider_responses=text, usage="0.5")
    assert (generation.provider_responses, generation.usage) == (None, Decimal("0.5"))
    assert generation.extra_json == f'{{"provider_responses":{text}}}'


def test_attempts_come_in_order_with_what_they_hold():
    entries = [
        {"provider_name": "One", "status": 529, "latency": 12.5, "is_byok": False, "id": "a"},
        {"status": None},
        {"provider_name": "Two", "status": 200, "endpoint_id": "e", "model_permaslug": "m", "routed_service_tier": "t"},
    ]
    generation = decoded(provider_responses=json.dumps(entries))
    assert [held_by(a, ATTEMPT_KIND_OF) for a in generation.provider_responses] == [entries[0], {}, entries[2]]
    assert {type(a) for a in generation.provider_responses} == {ProviderResponse}
    assert {a.extra_json for a in generation.provider_responses} == {None}


def test_invalid_attempts_keep_their_place_and_their_values():
    entries = (
        '[{"status": 200, "region": "eu"}, null, 7, "x", [1], {"status": "200", "id": "a"}, {"latency": 1e400}, {}]'
    )
    generation = decoded(provider_responses=entries, usage="0.5")
    assert [a.status for a in generation.provider_responses] == [200, *[None] * 7]
    assert [a.extra_json for a in generation.provider_responses] == [
        '{"region":"eu"}',
        '{"provider_response":null}',
        '{"provider_response":7}',
        '{"provider_response":"x"}',
        '{"provider_response":[1]}',
        '{"status":"200"}',
        '{"latency":1e400}',
        None,
    ]
    assert generation.provider_responses[5].id == "a"
    assert (generation.usage, generation.extra_json) == (Decimal("0.5"), None)


# Nothing is lost


json_values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**70), 2**70),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=8),
        st.datetimes(timezones=st.sampled_from([None, UTC, timezone(timedelta(hours=-7))])).map(datetime.isoformat),
        st.sampled_from(["0.5", "NaN", "true", "2025-08-16T13:55:18.378595+00:00"]),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
plausible = {
    Kind.TEXT: st.text(max_size=8),
    Kind.INTEGER: st.integers(-(2**64), 2**64),
    Kind.REAL: st.floats(allow_nan=False, allow_infinity=False) | st.integers(0, 2**40),
    Kind.FLAG: st.booleans(),
    Kind.MONEY: st.floats(-(10**7), 10**7) | st.integers(-(10**7), 10**7),
    Kind.TIME: st.datetimes(timezones=st.none() | st.just(UTC)).map(datetime.isoformat),
}


def objects(kinds):
    known = {name: plausible[kind] | json_values for name, kind in kinds.items()}
    return st.builds(
        lambda a, b: {**b, **a},
        st.fixed_dictionaries({}, optional=known),
        st.dictionaries(st.text(max_size=8) | st.sampled_from(list(kinds)), json_values, max_size=4),
    )


attempt_lists = st.lists(objects(ATTEMPT_KIND_OF) | json_values, max_size=3)
identities = st.fixed_dictionaries(
    {}, optional={"id": st.text(), "model": st.text(), "usage": st.integers(0, 9)}
).filter(bool)


def is_held(value, kind, cell) -> bool:
    """Whether a column's cell equals the answer's value."""
    if cell is None:
        return False
    if kind is Kind.MONEY:
        return is_number(value) and Decimal(json.dumps(value)) == cell
    if kind is Kind.REAL:
        return is_number(value) and type(cell) is float and float(value) == cell
    if kind is Kind.TIME:
        time = datetime.fromisoformat(value)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)) == cell and cell.tzinfo is UTC
    return type(value) is type(cell) and value == cell


def is_number(value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def lost(fields: dict, kinds: dict, cells: dict, extra: dict) -> list[str]:
    """The keys of an answer that are neither in their column nor in `extra`."""
    return [
        name
        for name, value in fields.items()
        if value is not None
        and not (name in extra and json.dumps(extra[name]) == json.dumps(value))
        and not (name in kinds and is_held(value, kinds[name], cells[name]))
    ]


@in_two_forms(given(objects(KIND_OF), identities, st.none() | attempt_lists | json_values), short=60, long_form=2000)
def test_nothing_of_an_answer_is_lost(fields, identity, responses):
    fields = {**fields, **identity}
    generation = data_of(enveloped({**fields, "provider_responses": responses}))
    extra = extra_of(generation)
    assert lost(fields, KIND_OF, cells_of(generation), extra) == []
    assert generation.extra == extra
    assert extra.keys() <= {*fields, "provider_responses"}
    if isinstance(responses, list):
        assert len(generation.provider_responses) == len(responses)
        for entry, got in zip(responses, generation.provider_responses, strict=True):
            if isinstance(entry, dict):
                assert lost(entry, ATTEMPT_KIND_OF, cells_of(got, ATTEMPT_KIND_OF), extra_of(got)) == []
            else:
                assert extra_of(got) == {"provider_response": entry}
    else:
        assert generation.provider_responses is None
        assert extra.get("provider_responses") == responses


@in_two_forms(given(objects(KIND_OF), identities), short=30, long_form=600)
def test_what_a_column_holds_exactly_is_not_kept_twice(fields, identity):
    fields = {**fields, **identity}
    generation = data_of(enveloped(fields))
    twice = [n for n in extra_of(generation) if n in KIND_OF and is_held(fields[n], KIND_OF[n], getattr(generation, n))]
    assert twice == []


@in_two_forms(
    given(objects(KIND_OF), identities, st.none() | attempt_lists, st.dictionaries(st.text(max_size=8), json_values)),
    example({}, {"id": ID}, None, {'"': 1, "\\": 2, "\n": 3, "\x00": 4, "extra_json": "mine"}),
    short=30,
    long_form=600,
)
def test_the_strict_pass_and_reading_field_by_field_agree(fields, identity, responses, envelope):
    envelope.pop("data", None)
    fields = {**fields, **identity, "provider_responses": responses}
    first, again = (decode_generation(enveloped(fields, **envelope)) for _ in range(2))
    slowly = decode_generation(enveloped({**fields, UNLEARNABLE: 0}, **envelope))
    assert first.data.provider_responses == again.data.provider_responses == slowly.data.provider_responses
    assert cells_of(first.data) == cells_of(again.data) == cells_of(slowly.data)
    assert {**texts_beside(first.data), UNLEARNABLE: "0"} == texts_beside(slowly.data)
    assert texts_beside(first.data) == texts_beside(again.data)
    assert texts_beside(first) == texts_beside(again) == texts_beside(slowly)


# Undocumented fields


def test_new_fields_are_learned_so_that_one_pass_reads_the_next_answer(monkeypatch):
    answers = [body_of(usage="0.5", new=text, other='{"a": 1}') for text in ("1", "null", '"x"')]
    first = data_of(answers[0])
    monkeypatch.setattr(decode, "decode_record", lambda *_: pytest.fail("known fields were read field by field"))
    later = [data_of(answer) for answer in answers]
    assert first == later[0]
    assert [texts_beside(d) for d in later] == [{"new": text, "other": '{"a": 1}'} for text in ("1", "null", '"x"')]
    assert data_of(body_of(usage="0.5")).extra_json is None


def test_a_learned_field_that_is_missing_is_not_in_extra():
    data_of(body_of(new="1", other="2"))
    assert texts_beside(data_of(body_of(other="3"))) == {"other": "3"}
    assert texts_beside(data_of(body_of(third="4"))) == {"third": "4"}


def test_no_more_than_some_fields_of_some_length_are_learned_and_all_are_kept():
    for number in range(MOST_LEARNED * 2):
        name = f"new_{number}"
        assert texts_beside(data_of(body_of(**{name: str(number), UNLEARNABLE: "[]"}))) == {
            name: str(number),
            UNLEARNABLE: "[]",
        }
    assert decode._generations.learned == tuple(f"new_{number}" for number in range(MOST_LEARNED))


def test_one_answer_of_many_new_fields_is_kept_whole():
    fields = {f"new_{number}": str(number) for number in range(MOST_LEARNED * 2)}
    assert [texts_beside(data_of(body_of(**fields))) for _ in range(2)] == [fields, fields]
    assert len(decode._generations.learned) == MOST_LEARNED


@pytest.mark.parametrize(
    "name",
    [r"a\"b", r"a\\b", r"\n", r"\u0000", r"\u001f", r"\ud800", "", "_0", "é", "日本", "data", "usage ", "extra_json"],
)
def test_a_new_field_may_have_any_name(name):
    for text in ("1", "[2]"):
        generation = data_of(body_of(usage="0.5", **{name: text}))
        assert (generation.id, generation.usage) == (ID, Decimal("0.5"))
        assert list(texts_beside(generation).values()) == [text]
        assert list(generation.extra) == [json.loads(f'"{name}"').replace("\ud800", r"\ud800")]


# The envelope


ENVELOPES = [
    {"user_id": "user_1"},
    {"debug": {"a": [1, None]}, "openrouter_metadata": None},
    {"error": {"code": 200}, "id": "not that of the data"},
    {"extra_json": "mine"},
    {"extra_json": None},
    {"": 1},
]


@pytest.mark.parametrize("envelope", ENVELOPES)
@pytest.mark.parametrize("fields", [{"usage": 0.5}, {"usage": 0.5, "new": 1}, {"usage": 0.5, "model": 7}])
def test_fields_beside_data_are_kept_in_the_responses_extra(envelope, fields):
    response = decode_generation(enveloped({"id": ID, **fields}, **envelope))
    assert response.extra == envelope
    assert (response.data.id, response.data.usage) == (ID, Decimal("0.5"))
    assert response.data == data_of(enveloped({"id": ID, **fields}))


def test_an_envelope_with_only_data_has_no_extra():
    assert [decode_generation(body_of(new=text)).extra_json for text in ("1", "2")] == [None, None]


def test_the_envelope_is_kept_as_it_came():
    body = b'{"cost": 0.00015300000000000002, "data": {"id": "gen-1"}, "far": 1e400, "count": ' + b"9" * 5000 + b"}"
    expected = {"cost": "0.00015300000000000002", "far": "1e400", "count": "9" * 5000}
    assert texts_beside(decode_generation(body)) == expected


@pytest.mark.parametrize("escape", [r"\ud800", r"\udfff", r"a\ud83db"])
def test_half_a_surrogate_pair_in_the_envelope_affects_nothing_else(escape):
    response = decode_generation(f'{{"data": {{"id": "{ID}"}}, "user_id": "{escape}"}}'.encode())
    assert (response.data.id, list(response.extra)) == (ID, ["user_id"])


@given(st.dictionaries(st.text(max_size=8), json_values, max_size=4), st.booleans())
def test_nothing_of_an_envelope_is_lost(envelope, is_odd):
    envelope.pop("data", None)
    response = decode_generation(enveloped({"id": ID, "model": 7 if is_odd else "m"}, **envelope))
    assert json.dumps(response.extra, sort_keys=True) == json.dumps(envelope, sort_keys=True)
    assert response.data.extra == ({"model": 7} if is_odd else {})


def test_a_well_typed_envelope_whose_data_is_unreadable_stays_unreadable():
    for data in ({}, None, [], {"tokens_prompt": 5}):
        with pytest.raises(UnreadableError):
            decode_generation(enveloped(data, id=ID, usage=0.5))


# Answers without a generation


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"null",
        b"[]",
        b"5",
        b'"data"',
        b"{}",
        b"<!DOCTYPE html><html><body>Just a moment...</body></html>",
        b'{"data": null}',
        b'{"data": []}',
        b'{"data": [{"id": "gen-1"}]}',
        b'{"data": "gen-1"}',
        b'{"data": {}}',
        b'{"data": {"tokens_prompt": 5}}',
        b'{"data": {"id": null, "model": null, "created_at": null, "usage": null}}',
        b'{"data": {"id": 5, "usage": "0.5"}}',
        b'{"error": {"code": 404, "message": "Generation not found"}}',
        b'{"id": "gen-1", "usage": 1}',
        b'{"data": {"id": "gen-1", "usage": 1.2.3}}',
        b'{"data": {"id": "gen-1", "usage": NaN}}',
        b'{"data": {"id": "gen-1"}} and more',
        b'{"data": {"id": "gen-1"}',
        b'{"data": {"id": "gen-1", "x": ' + b"[" * 100_000 + b"]" * 99_999 + b"}}",
        b'{"data": {"id": "gen-1", "provider_responses": ' + b'[{"a":' * 50_000 + b"1" + b"}]" * 49_999 + b"}}",
        b"[" * 100_000,
        b'{"data":' * 100_000,
        b"\x00\xff\xfe",
        b"\x1f\x8b\x08\x00",
    ],
)
def test_an_answer_without_a_generation_is_unreadable(body):
    with pytest.raises(UnreadableError):
        decode_generation(body)


@pytest.mark.parametrize("name", ["id", "model", "created_at", "usage"])
def test_one_identifying_field_is_enough_for_a_generation(name):
    value = {"created_at": "2026-02-24T21:19:33.705Z", "usage": 0}.get(name, "x")
    generation = data_of(enveloped({name: value}))
    assert held_by(generation).keys() == {name}


@given(st.data())
def test_a_cut_answer_is_unreadable_wherever_it_is_cut(data):
    body = body_of(usage="0.5", model='"日本"', provider_responses='[{"status": 200}, {"x": "y"}]')
    cut = data.draw(st.integers(0, len(body) - 1))
    with pytest.raises(UnreadableError):
        decode_generation(body[:cut])


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60) | json_values.map(lambda v: json.dumps(v).encode()))
def test_any_other_body_is_unreadable_and_does_not_crash(body):
    assume(b'"data"' not in body)
    with pytest.raises(UnreadableError):
        decode_generation(body)
    error_of(body)


# Error answers


@pytest.mark.parametrize(
    "error",
    [
        {"code": 404, "message": "Generation gen-1 not found"},
        {"code": "404", "message": "as clones send it"},
        {"code": 429, "message": "slow", "metadata": {"headers": {"X-RateLimit-Reset": "1753485462000"}}},
        {"code": 500, "message": None, "metadata": None},
        {"message": ["odd"], "code": {"odd": 1}},
        {},
    ],
)
def test_the_error_object_of_an_error_answer_is_returned_unchanged(error):
    body = {"error": error, "user_id": "user_1", "openrouter_metadata": {"a": 1}}
    assert error_of(json.dumps(body).encode()) == error


@given(st.dictionaries(st.text(max_size=8), json_values, max_size=3))
def test_whatever_the_error_object_holds(error):
    assert error_of(json.dumps({"error": error}).encode()) == error


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"error": null}',
        b'{"error": "no such thing"}',
        b'{"error": [404]}',
        b'{"error": 404}',
        b'{"message": "x"}',
        b'{"error": {"code": 404}',
        b'{"error": {"code": 1e400}}',
        b'{"error": {"code": ' + b"9" * 5000 + b"}}",
        b'{"error": {"message": "\xff"}}',
        b'{"error":' + b'{"a":' * 100_000,
        b"<html><title>Attention Required! | Cloudflare</title></html>",
        b"error code: 1015",
    ],
)
def test_any_other_body_holds_no_error_object(body):
    assert error_of(body) is None
