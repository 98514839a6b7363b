"""OpenRouter's own SDK and our client call the same simulator, and read the same from its answers."""

import inspect
import json
import random
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from typing import get_args

import pydantic
import pytest
from support.commands import KEY
from support.logs import ALPHABET, new_ids
from support.simulators import get

openrouter = pytest.importorskip("openrouter")

from openrouter import components, errors, utils  # noqa: E402  # only where it is installed

import ingest  # noqa: E402
from ingest.client.errors import BY_STATUS  # noqa: E402
from ingest.core import api_records  # noqa: E402
from ingest.core.record import EXTRA, fields_of  # noqa: E402

UNSET = type(openrouter.types.UNSET)
THEIR_PATIENCE = utils.RetryConfig("none", utils.BackoffStrategy(1, 1, 1, 1), retry_connection_errors=False)
TAGS = ("emb", "img", "stt", "tts", "vid", "dec", "rerank", "batch")
MONEY = ("usage", "total_cost", "upstream_inference_cost", "cache_discount")


class Pair:
    """Both clients with one server; `key` is the API key that both send."""

    def __init__(self, base_url):
        self.key = KEY
        self.theirs = openrouter.OpenRouter(lambda: self.key, server_url=base_url, retry_config=THEIR_PATIENCE)
        self.ours = ingest.OpenRouter(lambda: self.key, server_url=base_url, retries=ingest.RetryConfig("none"))

    def __enter__(self):
        self.theirs.__enter__()
        self.ours.__enter__()
        return self

    def __exit__(self, *error):
        self.ours.__exit__(*error)
        self.theirs.__exit__(*error)

    def refusals(self, operation, **arguments):
        """The error that each client raises."""
        raised = []
        for client in (self.theirs, self.ours):
            with pytest.raises((errors.OpenRouterError, ingest.OpenRouterError)) as caught:
                getattr(client.generations, operation)(**arguments)
            raised.append(caught.value)
        return raised


@pytest.fixture
def pair(simulation):
    with Pair(simulation.base_url) as pair:
        yield pair


def legacy_ids(count):
    draw = random.Random(9)
    return [f"gen-aA{''.join(draw.choices(ALPHABET, k=length))}" for length in (22, 26) for _ in range(count // 2)]


def ids_of_every_kind():
    tagged = [i.replace("gen-", f"gen-{tag}-", 1) for i, tag in zip(new_ids(80, seed=3), TAGS * 10, strict=True)]
    return new_ids(400, seed=2), tagged, legacy_ids(20)


def data_of(simulation, path, generation_id):
    """The answer itself, with numbers as written."""
    return json.loads(get(simulation, f"{path}?id={generation_id}")[2], parse_float=Decimal)["data"]


# Answers.


def test_theirs_refuses_exactly_the_generations_that_lack_a_key_and_ours_reads_them_all(simulation, pair):
    required = {name for name, f in components.GenerationResponseData.model_fields.items() if f.is_required()}
    usual, tagged, legacy = ids_of_every_kind()
    lacking, refused = set(), set()
    for generation_id in [*usual, *tagged, *legacy]:
        data = data_of(simulation, "/generation", generation_id)
        if not required <= data.keys():
            lacking.add(generation_id)
        ours = pair.ours.generations.get_generation(id=generation_id).data
        assert_all_of_it(ours, data)
        try:
            theirs = pair.theirs.generations.get_generation(id=generation_id).data
        except errors.ResponseValidationError:
            refused.add(generation_id)
        else:
            assert_same_generation(theirs, ours, data)
    assert refused == lacking
    assert set(legacy) < lacking
    assert 5 < len(lacking) - len(legacy) < 50


def assert_all_of_it(ours, data):
    """Check that our record equals the answer to the last digit, and is None where the answer has no such key."""
    known = {f.name for f in fields_of(type(ours))} - {EXTRA}
    held = json.loads(ours.to_json(), parse_float=Decimal)
    assert held.keys() == known | data.keys()
    assert datetime.fromisoformat(held.pop("created_at")) == datetime.fromisoformat(data["created_at"])
    for attempt in held["provider_responses"] or ():
        attempt["id"] is None and attempt.pop("id")
        assert attempt.pop("routed_service_tier") is None
    assert held == {name: data.get(name) for name in held}
    assert ours.extra.keys() - set(MONEY) == data.keys() - known


def assert_same_generation(theirs, ours, data):
    for name in type(theirs).model_fields:
        their, our = plain(getattr(theirs, name)), getattr(ours, name)
        if name == "created_at":
            assert datetime.fromisoformat(their) == our
        elif name in MONEY:
            assert_same_money(their, our, data[name])
        elif name == "provider_responses":
            assert_same_attempts(their, our)
        else:
            assert (their, type(their)) == (our, type(our)), name


def assert_same_money(their, our, written):
    """Ours is exact to the twelfth place; theirs is the nearest double of the text."""
    if written is None:
        assert their is our is None
        return
    assert isinstance(our, Decimal)
    assert isinstance(their, float)
    assert their == float(written)
    assert our == round(Decimal(written), 12)


def assert_same_attempts(theirs, ours):
    assert (theirs is None) == (ours is None)
    for their, our in zip(theirs or (), ours or (), strict=True):
        for name in type(their).model_fields:
            assert plain(getattr(their, name)) == getattr(our, name), name


def plain(value):
    """A value of theirs, with absent keys turned into None."""
    return None if isinstance(value, UNSET) else value


def test_both_read_the_same_contents_in_both_forms_and_with_errors(simulation, pair):
    forms, failures = set(), set()
    usual, tagged, legacy = ids_of_every_kind()
    for generation_id in [*usual, *tagged, *legacy]:
        data = data_of(simulation, "/generation/content", generation_id)
        theirs = pair.theirs.generations.list_generation_content(id=generation_id).data
        ours = pair.ours.generations.list_generation_content(id=generation_id).data
        assert theirs.model_dump() == json.loads(ours.to_json()) == data
        assert theirs.output.completion == ours.output.completion
        assert theirs.output.reasoning == ours.output.reasoning
        assert (getattr(theirs.input, "prompt", None), getattr(theirs.input, "messages", None)) == (
            ours.input.prompt,
            ours.input.messages,
        )
        if theirs.error:
            assert [e.model_dump() for e in theirs.error.previous_errors] == [
                json.loads(e.to_json()) for e in ours.error.previous_errors
            ]
            assert theirs.error.status == ours.error.status
        forms.add(type(theirs.input).__name__)
        failures.add(len(theirs.error.previous_errors) if theirs.error else None)
    assert (forms, failures) == ({"Input1", "Input2"}, {None, 0, 1, 2})


# Errors.


@pytest.mark.parametrize(
    ("operation", "ours_alone"),
    [("get_generation", set()), ("list_generation_content", {402})],  # which theirs documents for metadata only
)
def test_each_status_raises_the_class_of_the_same_name_with_the_same_words(pair, operation, ours_alone):
    documented = {}
    for status in range(400, 530):
        pair.key = f"{KEY}-status-{status}"
        theirs, ours = pair.refusals(operation, id=new_ids(1)[0])
        name = "OpenRouterDefaultError" if status in ours_alone else type(ours).__name__
        assert type(theirs).__name__ == name
        assert theirs.status_code == ours.status_code == status
        assert theirs.raw_response.text == ours.body
        if status in ours_alone:
            assert type(ours) is BY_STATUS[status]
        elif not isinstance(ours, ingest.OpenRouterDefaultError):
            documented[status] = type(ours)
            assert (ours.message, ours.code) == (theirs.message, theirs.data.error.code)
            assert ours.message == str(theirs)
            assert ours.metadata == plain(theirs.data.error.metadata)
    assert documented == {status: error for status, error in BY_STATUS.items() if status not in ours_alone}


@pytest.mark.parametrize("operation", ["get_generation", "list_generation_content"])
def test_metadata_of_an_error_is_the_same(simulate, operation):
    found = set()
    with simulate("--p429", "1") as simulation, Pair(simulation.base_url) as pair:
        for generation_id in new_ids(30):
            theirs, ours = pair.refusals(operation, id=generation_id)
            both = [json.loads(body)["error"].get("metadata") for body in (theirs.raw_response.text, ours.body)]
            assert [plain(theirs.data.error.metadata), ours.metadata] == both
            assert theirs.message == ours.message == "Rate limit exceeded"
            found |= {bool(metadata) for metadata in both}
    assert found == {True, False}


@pytest.mark.parametrize("operation", ["get_generation", "list_generation_content"])
def test_a_missing_answer_is_the_same_error_for_both(simulate, operation):
    kinds = set()
    with simulate("--malformed", "1") as simulation, Pair(simulation.base_url) as pair:
        for generation_id in new_ids(20):
            theirs, ours = pair.refusals(operation, id=generation_id)
            assert isinstance(ours, ingest.ResponseValidationError)
            kinds.add(type(theirs).__name__)
    assert kinds == {"ResponseValidationError", "OpenRouterDefaultError"}  # HTML has no class of its own there


# Completeness: these tests show what a new release of the SDK has and we lack.


def record_types(model, found=None):
    """A model of theirs and all models inside it."""
    found = {} if found is None else found
    found[model.__name__] = model
    for field in model.model_fields.values():
        for part in parts_of(field.annotation):
            if part.__name__ not in found:
                record_types(part, found)
    return found


def parts_of(annotation):
    alias = getattr(annotation, "__value__", None)
    inner = [*get_args(annotation), *([alias] if alias is not None else [])]
    if isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel):
        yield from [] if annotation is UNSET else [annotation]
    for part in inner:
        yield from parts_of(part)


THEIRS = record_types(components.GenerationResponse) | record_types(components.GenerationContentResponse)
OURS = {
    api_records.GenerationResponse: ("GenerationResponse",),
    api_records.GenerationResponseData: ("GenerationResponseData",),
    api_records.ProviderResponse: ("ProviderResponse",),
    api_records.GenerationContentResponse: ("GenerationContentResponse",),
    api_records.GenerationContentData: ("GenerationContentData",),
    api_records.GenerationContentInput: ("Input1", "Input2"),
    api_records.GenerationContentDataOutput: ("GenerationContentDataOutput",),
    api_records.GenerationContentError: ("GenerationContentError",),
    api_records.GenerationContentErrorAttempt: ("GenerationContentErrorAttempt",),
}
BEYOND_THEIRS = {record: set() for record in OURS}
"""Fields that only ours have; none so far."""


def test_there_is_a_record_for_each_of_theirs():
    assert {name for names in OURS.values() for name in names} == THEIRS.keys()


@pytest.mark.parametrize("record", OURS, ids=lambda record: record.__name__)
def test_a_record_has_every_field_of_theirs(record):
    theirs = {name for model in OURS[record] for name in THEIRS[model].model_fields}
    ours = {field.name for field in fields_of(record)} - {EXTRA}
    assert theirs - ours == set()
    assert ours - theirs == BEYOND_THEIRS[record]


ELSEWHERE = {
    "http_referer": "http_referer",
    "x_open_router_title": "app_title",
    "x_open_router_categories": "app_categories",
}
"""Arguments of their operations that our client takes, under the names that its own constructor has for them."""

RENAMED = {"timeout_ms": "timeout", "http_headers": "headers"}
"""Arguments of theirs that our `RequestOptions` has under another name."""


@pytest.mark.parametrize("operation", ["get_generation", "list_generation_content"])
def test_an_operation_takes_all_that_theirs_takes(operation):
    theirs = set(inspect.signature(getattr(openrouter.generations.Generations, operation)).parameters) - {"self"}
    ours = set(inspect.signature(getattr(ingest.OpenRouter("k").generations, operation)).parameters)
    options = {field.name for field in fields(ingest.RequestOptions)}
    client = set(inspect.signature(ingest.OpenRouter).parameters)
    assert ours == {"id", "options"}
    assert theirs == {"id", *ELSEWHERE, *RENAMED, "retries", "server_url"}
    assert options >= {*RENAMED.values(), "retries", "server_url"}
    assert client >= set(ELSEWHERE.values())
    assert hasattr(openrouter.generations.Generations, f"{operation}_async")


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [(utils.BackoffStrategy, ingest.BackoffStrategy), (utils.RetryConfig, ingest.RetryConfig)],
    ids=lambda cls: cls.__module__,
)
def test_retries_are_configured_alike(theirs, ours):
    assert list(inspect.signature(theirs).parameters) == [field.name for field in fields(ours)]
