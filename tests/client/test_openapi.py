"""Simulator, client and records against OpenRouter's OpenAPI text of the two operations, where it is available."""

import json
import re
from collections import Counter
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from types import NoneType
from typing import get_args

import httpx
import pytest
from support.commands import KEY
from support.logs import new_ids
from support.simulators import get

from ingest.client.decode import decode_content, decode_generation, error_of
from ingest.client.errors import BY_STATUS
from ingest.client.sync_client import OpenRouter
from ingest.core import api_records
from ingest.core.record import EXTRA, fields_of

FILE = Path(__file__).parents[3] / "shared" / "facts" / "openrouter-generation.openapi.yaml"

if not FILE.exists():
    pytest.skip("OpenRouter's OpenAPI text is not at hand", allow_module_level=True)


# The OpenAPI text: only as much YAML is parsed as it uses.

_KEY = re.compile(r"((?:'[^']*'|[\w.$/-]+)):(?: (.*))?")
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?")
_WORDS = {"null": None, "true": True, "false": False, "{}": {}, "[]": []}


def read_yaml(text):
    lines = []
    for line in text.splitlines():
        bare = line.strip()
        if not bare.startswith("- ") and not _KEY.fullmatch(bare):
            lines[-1] = (lines[-1][0], f"{lines[-1][1]} {bare}")  # a plain scalar continues
        else:
            lines.append((len(line) - len(line.lstrip()), bare))
    document, rest = read_block(lines)
    assert rest == []
    return document


def read_block(lines):
    return read_list(lines) if lines[0][1].startswith("- ") else read_object(lines)


def read_list(lines):
    indent, entries = lines[0][0], []
    while lines and lines[0][0] == indent and lines[0][1].startswith("- "):
        inner = lines[0][1].removeprefix("- ")
        if _KEY.fullmatch(inner):
            entry, lines = read_object([(indent + 2, inner), *lines[1:]])
        else:
            entry, lines = read_scalar(inner), lines[1:]
        entries.append(entry)
    return entries, lines


def read_object(lines):
    indent, fields = lines[0][0], {}
    while lines and lines[0][0] == indent and (found := _KEY.fullmatch(lines[0][1])):
        lines = lines[1:]
        key = read_scalar(found[1])
        if found[2] is not None:
            fields[key] = read_scalar(found[2])
        else:
            assert lines[0][0] > indent or lines[0][1].startswith("- ")
            fields[key], lines = read_block(lines)
    return fields, lines


def read_scalar(text):
    if text.startswith("'"):
        return text[1:-1].replace("''", "'")
    if text.startswith('"'):
        return json.loads(text)
    return _WORDS[text] if text in _WORDS else json.loads(text) if _NUMBER.fullmatch(text) else text


TEXT = read_yaml(FILE.read_text(encoding="utf-8"))
OPERATIONS = {path: methods["get"] for path, methods in TEXT["paths"].items()}
DOCUMENTED = [
    (path, int(number), answer)
    for path, operation in OPERATIONS.items()
    for number, answer in operation["responses"].items()
]
ERRORS = [(path, number) for path, number, _ in DOCUMENTED if number != 200]


def schema_of(path, number):
    return OPERATIONS[path]["responses"][str(number)]["content"]["application/json"]["schema"]


def resolved(schema):
    return TEXT["schemas"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


# A validator for the part of JSON Schema that the text uses.

_TYPES = {
    "string": lambda v: isinstance(v, str),
    "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "number": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool),
    "boolean": lambda v: isinstance(v, bool),
    "object": lambda v: isinstance(v, dict),
    "array": lambda v: isinstance(v, list),
    "null": lambda v: v is None,
}
_SAYS_NOTHING = {"description", "example", "format"}
_UNDERSTOOD = _SAYS_NOTHING | {
    "$ref",
    "type",
    "enum",
    "x-speakeasy-unknown-values",
    "required",
    "properties",
    "additionalProperties",
    "items",
    "anyOf",
    "minLength",
}


def faults(value, schema, where="$"):
    """The ways in which a value violates its schema, as sentences."""
    schema = resolved(schema)
    assert schema.keys() <= _UNDERSTOOD, f"the validator does not know {schema.keys() - _UNDERSTOOD}"
    if "anyOf" in schema and all(list(faults(value, option)) for option in schema["anyOf"]):
        yield f"{where} fits none of the alternatives"
    kinds = schema.get("type", list(_TYPES))
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if not any(_TYPES[kind](value) for kind in kinds):
        yield f"{where} is no {'|'.join(kinds)}"
        return
    if "enum" in schema and schema.get("x-speakeasy-unknown-values") != "allow" and value not in schema["enum"]:
        yield f"{where} is not one of the values"
    if isinstance(value, str) and len(value) < schema.get("minLength", 0):
        yield f"{where} is too short"
    if isinstance(value, dict):
        yield from (f"{where} lacks {name}" for name in schema.get("required", ()) if name not in value)
        for name in value.keys() & schema.get("properties", {}).keys():
            yield from faults(value[name], schema["properties"][name], f"{where}.{name}")
    if isinstance(value, list):
        for place, entry in enumerate(value):
            yield from faults(entry, schema.get("items", {}), f"{where}[{place}]")


def all_faults(body, path, number):
    return set(faults(json.loads(body), schema_of(path, number)))


def test_the_text_describes_the_two_operations():
    assert {path: o["operationId"] for path, o in OPERATIONS.items()} == {
        "/generation": "getGeneration",
        "/generation/content": "listGenerationContent",
    }
    assert set(TEXT) == {"paths", "schemas"}
    assert len(DOCUMENTED) == 18


@pytest.mark.parametrize(("path", "number", "answer"), DOCUMENTED)
def test_its_own_examples_fit_its_schemas_but_for_the_workspace(path, number, answer):
    (content,) = answer["content"].values()
    expected = {"$.data lacks workspace_id"} if (path, number) == ("/generation", 200) else set()
    assert set(faults(content["example"], content["schema"])) == expected
    assert set(faults(resolved(content["schema"])["example"], content["schema"])) == set()


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"id": None}, "$.data.id is no string"),
        ({"app_id": "1"}, "$.data.app_id is no integer|null"),
        ({"app_id": True}, "$.data.app_id is no integer|null"),
        ({"app_id": 1.5}, "$.data.app_id is no integer|null"),
        ({"usage": "0.1"}, "$.data.usage is no number"),
        ({"usage": None}, "$.data.usage is no number"),
        ({"streamed": 1}, "$.data.streamed is no boolean|null"),
        ({"provider_responses": {}}, "$.data.provider_responses is no array|null"),
        ({"provider_responses": [{"status": 200}, {}]}, "$.data.provider_responses[1] lacks status"),
        ({"provider_responses": [{"status": "200"}]}, "$.data.provider_responses[0].status is no integer|null"),
        ({"api_type": "decisions", "data_region": "mars", "usage_cache": [1]}, None),
    ],
)
def test_the_validator_finds_what_is_wrong(change, fault):
    data = {**TEXT["schemas"]["GenerationResponse"]["example"]["data"], **change}
    found = set(faults({"data": data}, schema_of("/generation", 200)))
    assert found == ({fault} if fault else set())


def test_the_validator_knows_alternatives_enumerations_and_lengths():
    content = json.loads(json.dumps(TEXT["schemas"]["GenerationContentResponse"]["example"]))
    content["data"]["input"] = {"text": "?"}
    assert set(faults(content, schema_of("/generation/content", 200))) == {"$.data.input fits none of the alternatives"}
    assert list(faults("c", {"type": "string", "enum": ["a", "b"]})) == ["$ is not one of the values"]
    assert list(faults("c", {"enum": ["a"], "x-speakeasy-unknown-values": "allow"})) == []
    assert list(faults("", {"type": "string", "minLength": 1})) == ["$ is too short"]


# The simulator.

OLDER = {"api_type", "data_region", "preset_id", "router", "service_tier", "workspace_id"}
"""Required by the text, and absent from the older answers that the simulator serves on purpose."""

NEWER = {"api_key_id", "usage_cache"}
"""Not in the text, and present in some newer ones."""

LEGACY = ["gen-3bhGkxlo4XFrqiabUM7NDtwDzWwG", "gen-Qm4TzB0pLx9KdVh2RfWs7YcN"]


def test_every_generation_is_as_documented_but_for_the_odd_ones(simulation):
    documented = resolved(schema_of("/generation", 200))["properties"]["data"]["properties"]
    tagged = [i.replace("gen-", f"gen-{tag}-", 1) for i in new_ids(20, seed=6) for tag in ("emb", "img", "tts")]
    seen, beside = Counter(), set()
    for generation_id in [*new_ids(300, seed=5), *tagged, *LEGACY]:
        code, headers, body = get(simulation, f"/generation?id={generation_id}")
        assert (code, headers["content-type"]) == (200, "application/json")
        found = all_faults(body, "/generation", 200)
        assert found in (set(), {f"$.data lacks {name}" for name in OLDER})
        assert found or generation_id not in LEGACY
        seen[bool(found)] += 1
        beside |= json.loads(body)["data"].keys() - documented.keys()
    assert 300 < seen[False] < 360
    assert seen[True] > len(LEGACY)
    assert beside == NEWER


def test_every_content_is_as_documented(simulation):
    documented = TEXT["schemas"]["GenerationContentData"]["properties"]
    for generation_id in [*new_ids(300, seed=5), *LEGACY]:
        code, headers, body = get(simulation, f"/generation/content?id={generation_id}")
        assert (code, headers["content-type"]) == (200, "application/json")
        assert all_faults(body, "/generation/content", 200) == set()
        assert json.loads(body)["data"].keys() == documented.keys()


@pytest.mark.parametrize(("path", "number"), ERRORS)
def test_every_documented_error_is_as_documented(simulation, path, number):
    code, headers, body = get(simulation, f"{path}?id={new_ids(1)[0]}", f"{KEY}-status-{number}")
    assert (code, headers["content-type"]) == (number, "application/json")
    assert all_faults(body, path, number) == set()
    assert json.loads(body)["error"]["code"] == number


@pytest.mark.parametrize("path", OPERATIONS)
@pytest.mark.parametrize("fault", ["--p404", "--p429", "--p500", "--p529"])
def test_every_fault_is_a_documented_error(simulate, path, fault):
    ids = new_ids(24, seed=8)
    with simulate(fault, "1") as simulation:
        answers = [get(simulation, f"{path}?id={generation_id}") for generation_id in ids]
    for code, _, body in answers:
        assert (path, code) in ERRORS
        assert all_faults(body, path, code) == set()


@pytest.mark.parametrize(
    ("path", "key", "number"),
    [
        ("/generation", None, 401),
        ("/generation", "sk-or-v1-invalid", 401),
        ("/generation", "sk-or-v1-broke", 402),
        ("/generation/content", None, 401),
        ("/generation/content", "sk-or-v1-inference", 403),
        ("/generation/content", "sk-or-v1-forbidden", 403),
    ],
)
def test_every_refused_key_is_a_documented_error_word_for_word(simulation, path, key, number):
    code, _, body = get(simulation, f"{path}?id={new_ids(1)[0]}", key)
    assert code == number
    assert all_faults(body, path, number) == set()
    (content,) = OPERATIONS[path]["responses"][str(number)]["content"].values()
    assert json.loads(body) == content["example"]


# The client.


def test_the_table_of_errors_covers_every_documented_status_under_its_name():
    documented = {number: schema_of(path, number)["$ref"].rpartition("/")[2] for path, number in ERRORS}
    named = {number: error.__name__ for number, error in BY_STATUS.items()}
    assert named == {number: f"{name}Error" for number, name in documented.items()} | {400: "BadRequestResponseError"}


HEADERS = {
    "AppIdentifier": ("http_referer", "HTTP-Referer"),
    "AppDisplayName": ("app_title", "X-OpenRouter-Title"),
    "AppCategories": ("app_categories", "X-OpenRouter-Categories"),
}
"""The parameters that the text only names: our argument, and the header they stand for."""


@pytest.mark.parametrize("path", OPERATIONS)
def test_what_is_sent_is_what_is_documented(path):
    sent = []

    def answer(request):
        sent.append(request)
        return httpx.Response(404, json={"error": {"code": 404, "message": "no"}})

    values = {argument: f"the {argument}" for argument, _ in HEADERS.values()}
    generation_id = new_ids(1)[0]
    with OpenRouter(KEY, transport=httpx.MockTransport(answer), **values) as client:
        for ask in (client.generations.get_generation, client.generations.list_generation_content):
            with pytest.raises(BY_STATUS[404]):
                ask(id=generation_id)
    (request,) = [r for r in sent if r.url.path == f"/api/v1{path}"]
    assert request.method == "GET"
    query = {p["name"]: p for p in OPERATIONS[path]["parameters"] if p["in"] == "query"}
    assert dict(request.url.params) == {"id": generation_id}
    assert query.keys() == {name for name, p in query.items() if p["required"]} == {"id"}
    assert list(faults(generation_id, query["id"]["schema"])) == []
    named = {p["$ref"].rpartition("/")[2] for p in TEXT["paths"][path]["parameters"]}
    assert named == HEADERS.keys()
    assert {header: request.headers[header] for _, header in HEADERS.values()} == {
        header: values[argument] for argument, header in HEADERS.values()
    }


# The records.

_FITTING = {"string": (str, datetime), "integer": (int,), "number": (float, Decimal), "boolean": (bool,)}


def properties(name, *path):
    schema = TEXT["schemas"][name]
    for step in path:
        schema = schema["properties"][step]
    options = schema.get("anyOf", [schema])
    return {field: resolved(part) for option in options for field, part in option["properties"].items()}


@pytest.mark.parametrize(
    ("record", "where"),
    [
        (api_records.GenerationResponse, ["GenerationResponse"]),
        (api_records.GenerationResponseData, ["GenerationResponse", "data"]),
        (api_records.ProviderResponse, ["ProviderResponse"]),
        (api_records.GenerationContentResponse, ["GenerationContentResponse"]),
        (api_records.GenerationContentData, ["GenerationContentData"]),
        (api_records.GenerationContentInput, ["GenerationContentData", "input"]),
        (api_records.GenerationContentDataOutput, ["GenerationContentData", "output"]),
        (api_records.GenerationContentError, ["GenerationContentError"]),
        (api_records.GenerationContentErrorAttempt, ["GenerationContentErrorAttempt"]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_record_has_the_documented_fields_in_fitting_types_and_no_others(record, where):
    documented = properties(*where)
    ours = {field.name: field.type for field in fields_of(record) if field.name != EXTRA}
    assert ours.keys() == documented.keys()
    for name, schema in documented.items():
        kinds = schema.get("type", "object")
        (kind,) = {kinds} if isinstance(kinds, str) else set(kinds) - {"null"}
        held = {t for t in get_args(ours[name]) or (ours[name],) if t is not NoneType}
        if kind in _FITTING:
            assert held <= set(_FITTING[kind]), name
        elif kind == "array":
            assert {getattr(t, "__origin__", None) for t in held} <= {tuple, list}, name
        else:
            assert all(issubclass(t, api_records.Record) for t in held), name


def test_the_documented_examples_are_read_completely():
    generation = TEXT["schemas"]["GenerationResponse"]["example"]
    read = decode_generation(json.dumps(generation).encode())
    assert (read.extra, read.data.extra) == ({}, {})
    said = {name: value for name, value in json.loads(read.data.to_json()).items() if value is not None}
    assert said.pop("created_at").replace("Z", "+00:00") == generation["data"]["created_at"]
    assert said == {k: v for k, v in generation["data"].items() if v is not None and k != "created_at"}

    content = TEXT["schemas"]["GenerationContentResponse"]["example"]
    content["data"]["error"] = TEXT["schemas"]["GenerationContentError"]["example"]
    read = decode_content(json.dumps(content).encode())
    assert (read.extra, read.data.extra) == ({}, {})
    assert json.loads(read.data.to_json()) == content["data"]


@pytest.mark.parametrize(("path", "number"), ERRORS)
def test_the_documented_errors_are_understood(path, number):
    example = TEXT["schemas"][schema_of(path, number)["$ref"].rpartition("/")[2]]["example"]
    assert error_of(json.dumps(example).encode()) == example["error"]
