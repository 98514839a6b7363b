"""What a line tells that its generations cost: what belongs to the ID for certain, or nothing."""

import json
import random
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.lines import ANY_LINE, ID, OTHER

from ingest.sources.call_site import CallSiteParser
from ingest.sources.checkpoints import CheckpointIndex
from ingest.sources.discovery import expand_sources
from ingest.sources.logged_usage import find_usages
from ingest.sources.scanner import scan_all

IDS = [f"gen-1753485462-{n:020d}" for n in range(5)]


def told(line):
    """The costs of a line: those of the two IDs by a letter."""
    found = find_usages(line.replace("ID", ID).replace("OTHER", OTHER).encode())
    names = {ID: "a", OTHER: "b"}
    both = {names[i]: (u.usage, u.byok_usage) for i, u in found.items()}
    return {name: [f"{x:f}".rstrip("0") for x in amounts if x is not None] for name, amounts in both.items()}


KEY_USED = '"is_byok":true,"cost_details":{"upstream_inference_cost":0.25}'
OTEL = '{"key":"gen_ai.response.id","value":{"stringValue":"ID"}},{"key":"usage.cost","value":{"doubleValue":0.5}}'


@pytest.mark.parametrize(
    ("line", "costs"),
    [
        ('{"id":"ID","usage":{"cost":1.2e-05}}', {"a": ["0.000012"]}),
        ('{"usage":{"cost":0.5},"id":"ID"}', {"a": ["0.5"]}),
        ('{"msg":"done","response":{"id":"ID","usage":{"cost":"0.5"}}}', {"a": ["0.5"]}),
        ('{"generation_id":"ID","response":{"usage":{"cost":0.5}}}', {"a": ["0.5"]}),
        ('{"url":"/generation?id=ID","usage":{"cost":0.5}}', {"a": ["0.5"]}),
        (f'{{"id":"ID","usage":{{"cost":0.5,{KEY_USED}}}}}', {"a": ["0.5", "0.25"]}),
        (f'{{"id":"ID","usage":{{"cost":0.5,{KEY_USED.replace("true", "false")}}}}}', {"a": ["0.5"]}),
        ('{"id":"ID","usage":{"cost":0.5,"cost_details":{"upstream_inference_cost":0.25}}}', {"a": ["0.5"]}),
        ('{"id":"ID","usage":{"cost":0.5,"is_byok":true,"cost_details":null}}', {"a": ["0.5"]}),
        ('{"id":"ID","usage":"{\\"cost\\":0.5}"}', {"a": ["0.5"]}),
        ('{"r.id":"ID","r.usage.cost":0.5,"r.usage.is_byok":true}', {"a": ["0.5"]}),
        (
            '{"usage.is_byok":true,"id":"ID","usage.cost":0.5,"usage.cost_details.upstream_inference_cost":3}',
            {"a": ["0.5", "3."]},
        ),
        ('{"log":"{\\"id\\":\\"ID\\",\\"usage\\":{\\"cost\\":0.5}}"}', {"a": ["0.5"]}),
        ('{"log":"level=info id=ID usage.cost=0.5"}', {"a": ["0.5"]}),
        ('{"generation_id":"ID","response_body":"{\\"usage\\":{\\"cost\\":0.5}}"}', {"a": ["0.5"]}),
        (f'{{"attributes":[{OTEL}]}}', {"a": ["0.5"]}),
        ('data: {"id":"ID","usage":{"cost":0.5}}', {"a": ["0.5"]}),
        ('[{"id":"ID","usage":null},{"id":"ID","usage":{"cost":0.5}}]', {"a": ["0.5"]}),
        ('[{"id":"ID","usage":{"cost":0.25}},{"id":"ID","usage":{"cost":0.5}}]', {"a": ["0.5"]}),
        ("id=ID usage.cost=0.5 usage.is_byok=true usage.cost_details.upstream_inference_cost=2", {"a": ["0.5", "2."]}),
        ('id=ID usage={"cost":0.5}', {"a": ["0.5"]}),
        ('id=ID usage="{\\"cost\\":0.5}"', {"a": ["0.5"]}),
        ('INFO {"id":"ID"} response={"usage":{"cost":0.5}}', {"a": ["0.5"]}),
        (
            '{"results":[{"id":"ID","usage":{"cost":1.5}},{"id":"OTHER","usage":{"cost":2.5}}],"usage":{"cost":4}}',
            {"a": ["1.5"], "b": ["2.5"]},
        ),
        ('{"id":"ID","usage":{"cost":0.5},"parent":{"id":"OTHER"}}', {"a": ["0.5"]}),
        ('{"id":"ID","parent_id":"OTHER","usage":{"cost":0.5}}', {"a": ["0.5"]}),
        ('{"ID":{"usage":{"cost":0.5}},"OTHER":{"usage":{"cost":2.5}}}', {"a": ["0.5"], "b": ["2.5"]}),
    ],
)  # fmt: skip
def test_a_cost_beside_an_id_is_its(line, costs):
    assert told(line) == costs


NO_AMOUNTS = ("null", "true", "NaN", "1e999", "1000000", "-1e6", '"much"', '"NaN"', '""', "[1]", "{}", '"0x1"')


@pytest.mark.parametrize(
    "line",
    [
        '{"results":[{"id":"ID"},{"id":"OTHER"}],"usage":{"cost":0.5}}',
        '{"call":"ID","parent":"OTHER","usage":{"cost":0.5}}',
        '{"id":"ID","tries":[{"usage":{"cost":0.5}},{"usage":{"cost":0.25}}]}',
        "ID OTHER usage.cost=0.5",
        "id=ID usage.cost=0.5 usage.cost=0.25",
        '{"id":"ID","cost":0.5,"usage":{"tokens":3}}',
        '{"id":"ID","response_cost":0.5,"usage":{}}',
        '{"id":"ID","prompt":"usage.cost=0.5","usage":{}}',
        '{"id":"ID","prompt":"{\\"usage\\":{\\"cost\\":0.5}}"}',
        'id=ID msg="usage.cost=0.5"',
        *(f'{{"id":"ID","usage":{{"cost":{value}}}}}' for value in NO_AMOUNTS),
        *(f"id=ID usage.cost={value}" for value in ("nan", "inf", "1_0", "$1", "0.5USD")),
    ],
)  # fmt: skip
def test_what_is_not_certain_or_no_amount_is_not_told(line):
    assert told(line) == {}


def test_of_results_of_which_one_has_no_cost_the_sum_is_nobodys():
    line = '{"results":[{"id":"ID","usage":{"cost":1.5}},{"id":"OTHER"}],"usage":{"cost":4}}'
    assert told(line) == {"a": ["1.5"]}


NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.floats(0, 1).map(repr),
    st.decimals(-(10**7), 10**7, places=15).map(str),
    st.decimals(0, 1, places=25).map(lambda d: f"{d:f}"),
    st.integers(-(10**8), 10**8).map(str),
    st.tuples(st.integers(-999, 999), st.integers(-400, 400)).map("{0[0]}e{0[1]}".format),
)


@settings(max_examples=200, deadline=None)
@example(text="0.0000000000005", as_text=False)
@example(text="0.12345678901234567890123456789", as_text=False)
@example(text="999999.9999999999995", as_text=True)
@given(text=NUMBERS, as_text=st.booleans())
def test_an_amount_is_exact_to_the_picodollar_or_not_told(text, as_text):
    """The reading here is of its own: by the definition, with as many digits as it takes."""
    with localcontext(prec=1000, Emin=-99_999, Emax=99_999):
        expected = Decimal(text).quantize(Decimal("1e-12"), ROUND_HALF_EVEN)
    usage = find_usages(f'{{"id":"{ID}","usage":{{"cost":{json.dumps(text) if as_text else text}}}}}'.encode()).get(ID)
    assert (usage and usage.usage) == (expected if abs(expected) < 10**6 else None)


# Drawn lines, each made of records whose costs are known


def record(draw, generation_id, cost):
    """An object that holds one ID and perhaps its cost, at any depth and in any order."""
    usage = {"prompt_tokens": 3, "cost": cost, "is_byok": draw.choice((None, False))}
    holder = draw.choice(("id", "generation_id", "call", "key"))
    members = [("usage", usage) if draw.random() < 0.7 else ("usage.cost", cost)] if cost is not None else []
    if draw.random() < 0.3:
        members = [(draw.choice(("response", "body", "x")), dict(members))]
    members += [("noise", draw.choice((1, "cost", {"cost": 9}, ["usage", 0.5], {"usage": {"cost": None}})))]
    if holder != "key":
        members.append((holder, generation_id))
    draw.shuffle(members)
    made = dict(members)
    return {generation_id: made} if holder == "key" else made


def wrapped(draw, value):
    for _ in range(draw.randrange(4)):
        value = draw.choice((lambda v: {"payload": v}, lambda v: [v], lambda v: {"log": json.dumps(v)}))(value)
    return value


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 5))
def test_each_of_several_records_has_its_own_cost(seed, count):
    draw = random.Random(seed)
    costs = {i: draw.choice((None, 0, round(draw.random(), 9), -0.25)) for i in IDS[:count]}
    records = [wrapped(draw, record(draw, i, cost)) for i, cost in costs.items()]
    line = {"results": records, "usage": {"cost": 77}} if count > 1 else records[0]
    if count > 1 and draw.random() < 0.3:
        line = records
    found = find_usages((draw.choice(("", "INFO ")) + json.dumps(line)).encode())
    assert {i: float(u.usage) for i, u in found.items()} == {i: cost for i, cost in costs.items() if cost is not None}


@given(ANY_LINE, st.sampled_from([b"usage.cost=1", b'{"usage":{"cost":1}}', b'"usage":{"cost":', b"cost usage"]))
def test_no_line_makes_reading_its_costs_fail(line, piece):
    find_usages(line + piece)
    CallSiteParser().read(line + piece, {ID: 0})


def test_no_document_drives_up_the_search():
    """Many IDs and costs, deep down, or in one object: two of each are remembered for what stands around."""
    many = [f"gen-1753485462-{n:020d}" for n in range(20_000)]
    deep = "[" * 900 + json.dumps([*many, {"usage": {"cost": 1}}]) + "]" * 900
    assert find_usages(f'{{"x":{deep},"usage":{{"cost":2}}}}'.encode()) == {}
    flat = {f"{n}.usage.cost": n for n in range(50_000)} | {"id": ID}
    assert find_usages(json.dumps(flat).encode()) == {}
    assert told('{"id":"ID","a.usage.cost":0.5,"usage":{"cost":0.5}}') == {"a": ["0.5"]}


# Several lines of one ID


def scanned(path: Path, text, size=100_000):
    """What chunks of a scan tell of each ID: in its first line, and in further ones."""
    path.write_text(text)
    first, further = {}, {}
    for chunk in scan_all(
        expand_sources([str(path)]), datetime(2026, 1, 1, tzinfo=UTC), CheckpointIndex(), CallSiteParser(), size
    ):
        first |= {s.generation_id: s.logged_usage and s.logged_usage.usage for s in chunk.sightings}
        for generation_id, usage in chunk.usages:
            further.setdefault(generation_id, usage.usage)
    return first, further


def test_the_last_chunk_of_a_stream_tells_the_cost(tmp_path):
    chunks = [{"id": ID, "choices": [{"delta": {"content": "the cost"}}]}] * 5 + [{"id": ID, "usage": {"cost": 0.125}}]
    text = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"
    assert scanned(tmp_path / "sse.log", text) == ({ID: None}, {ID: Decimal("0.125")})


def test_a_line_at_the_end_of_a_call_tells_the_cost_of_one_that_names_it_at_its_begin(tmp_path):
    """Over windows of the scan, and whatever stands between."""
    begins = "".join(f"begin id={i}\n" for i in IDS)
    filler = "".join(f"id={ID} nothing to say of the cost {n}\n" for n in range(30_000))
    ends = "".join(f"end id={i} usage.cost={n}.5\n" for n, i in enumerate(IDS))
    first, further = scanned(tmp_path / "app.log", begins + filler + ends, size=3)
    assert first == {ID: None, **dict.fromkeys(IDS)}
    assert further == {i: Decimal(f"{n}.5") for n, i in enumerate(IDS)}


def test_a_document_over_several_lines_tells_its_cost(tmp_path):
    document = json.dumps({"id": ID, "usage": {"cost": 0.5}}, indent=2) + "\n"
    assert scanned(tmp_path / "a.log", document) == ({ID: Decimal("0.5")}, {})
    assert scanned(tmp_path / "b.log", f"begin {ID}\n{document}") == ({ID: None}, {ID: Decimal("0.5")})
