"""What a log line tells of the IDs in it: the fields of the right record, or none."""

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.lines import ANY_LINE, ID, OTHER, REQUESTED_AT, SECOND

from ingest.sources.call_site import CallSiteParser


def told(line, *keep, ids=(ID,)):
    """What is kept of each ID: time and fields."""
    data = line if isinstance(line, bytes) else line.encode()
    read = CallSiteParser(keep).read(data, {i: max(data.find(i.encode()), 0) for i in ids})
    return {i: (time, fields and json.loads(fields)) for i, (time, fields, _) in read.items()}


def fields_of(line, *keep, of=ID):
    """The fields by the names that were asked for; a name with points is looked up both ways."""
    fields = told(line, *keep, ids=(of,))[of][1]
    if fields is None:
        return None
    for name in keep:
        if "." in name and name in fields:
            inner = fields
            for part in name.split("."):
                inner = inner[part]
            assert inner == fields[name]
    return {name: fields[name] for name in keep if name in fields}


def test_without_names_no_field_is_kept():
    assert fields_of(f'{{"id": "{ID}", "user": "ann"}}') is None


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        ('{"id": "ID", "user": "ann"}', {"user": "ann"}),
        ('{"user": "ann", "team": {"id": 7}, "call": "ID"}', {"user": "ann", "team.id": 7}),
        ('{"call": "ID", "team": {"id": {"x": [1, null]}}}', {"team.id": {"x": [1, None]}}),
        ('{"call": "ID", "team.id": 8, "team": {"id": 7}}', {"team.id": 8}),
        ('{"call": "ID", "user": 1.5}', {"user": 1.5}),
        ('{"call": "ID", "user": true}', {"user": True}),
        ('{"call": "ID", "user": false, "team": {"id": 0}}', {"user": False, "team.id": 0}),
        ('{"call": "ID", "user": ""}', {"user": ""}),
        ('{"call": "ID", "user": []}', {"user": []}),
        ('{"call": "ID", "user": "\\u00fc \\"q\\" \\n"}', {"user": 'ü "q" \n'}),
        ('{"call": "ID", "user": "ünïcode"}', {"user": "ünïcode"}),
        ('{"call": "ID", "user": 12345678901234567890123}', {"user": 12345678901234567890123}),
        ('{"call": "ID", "user": null}', None),
        ('{"call": "ID", "users": "ann", "team": 3}', None),
        ('{"call": "ID", "team": {"ids": 3}, "other": {"user": 1}}', None),
        ('{"call": "ID"} user=ann', None),
        ("[]", None),
        ("", None),
        ("ID", None),
        ('2025-07-25 INFO call {"id": "ID", "user": "ann"}', {"user": "ann"}),
        ('2025-07-25 team.id=7 call {"id": "ID", "user": "ann"}', {"user": "ann", "team.id": "7"}),
        ('user=bob {"id": "ID", "user": "ann"}', {"user": "ann"}),
        ('user=bob {"id": "ID", "users": "ann"}', {"user": "bob"}),
        ('{"id": "ID", "user": "ann"} trailing text', {"user": "ann"}),
        ('{"id": "ID", "user": "cut', None),
        ("app: {ID} user=ann", {"user": "ann"}),
        ("level=info user=ann id=ID", {"user": "ann"}),
        ("id=ID user=ann, team.id=7; x=1", {"user": "ann", "team.id": "7"}),
        ('id=ID user="ann lee" team.id="7"', {"user": "ann lee", "team.id": "7"}),
        (r'id=ID user="say \"hi\"\n" x=1', {"user": 'say "hi"\n'}),
        (r'id=ID user="C:\dir"', {"user": r"C:\dir"}),
        ('id=ID user="never closed', {"user": None}),
        ("id=ID super_user=ann my.user=bob", None),
        ("/call?id=ID&user=ann&team.id=7", {"user": "ann", "team.id": "7"}),
        ("id=ID user= x=1", None),
    ],
)  # fmt: skip
def test_named_fields_are_kept_as_json(line, fields):
    wanted = fields if fields != {"user": None} else None
    assert fields_of(line.replace("ID", ID), "user", "team.id") == wanted


def test_fields_come_in_the_order_in_which_they_were_named_and_each_once():
    line = f'{{"id": "{ID}", "a": 1, "b": 2}}'.encode()
    assert CallSiteParser(("b", "a", "b")).read(line, {ID: 8})[ID][1] == '{"b":2,"a":1}'


def docker(line):
    return json.dumps({"log": line + "\n", "stream": "stdout", "time": "2025-07-25T23:17:43.123456789Z"})


def test_dockers_json_file_is_parsed():
    line = docker(json.dumps({"id": ID, "user": {"name": "ann"}}))
    time, fields = told(line, "user.name", "stream", "id", "missing")[ID]
    assert time == REQUESTED_AT.replace(second=43, microsecond=123_456)
    assert fields == {"user.name": "ann", "user": {"name": "ann"}, "stream": "stdout", "id": ID}
    assert fields_of(docker(f"INFO user=ann id={ID}"), "user", "stream") == {"user": "ann", "stream": "stdout"}
    assert fields_of(docker(f'INFO {{"user": "ann", "id": "{ID}"}}'), "user") == {"user": "ann"}


def test_a_text_is_parsed_only_if_the_id_is_in_it():
    line = json.dumps({"id": ID, "event": json.dumps({"user": "eve", "id": OTHER}), "note": "user=eve"})
    assert fields_of(line, "user") is None


def test_the_outermost_field_of_a_name_is_kept():
    inner = json.dumps({"id": ID, "user": "inner", "only": 1})
    assert fields_of(json.dumps({"user": "outer", "log": inner}), "user", "only") == {"user": "outer", "only": 1}


@pytest.mark.parametrize("levels", [1, 2, 3, 4])
def test_texts_within_texts_are_parsed_some_levels_deep(levels):
    line = json.dumps({"id": ID, "user": "ann"})
    for _ in range(levels):
        line = json.dumps({"log": line})
    assert fields_of(line, "user") == {"user": "ann"}


def test_how_often_each_field_was_found_is_counted():
    sites = CallSiteParser(("user", "team.id"))
    for line in (f'{{"id": "{ID}", "user": 1}}', f'{{"id": "{ID}", "user": 1, "team": {{"id": 1}}}}', f"id={ID}"):
        sites.read(line.encode(), {ID: line.index(ID)})
    sites.read(None, {ID: 0, OTHER: 100})
    assert (sites.kept, sites.read_ids) == ({"user": 2, "team.id": 1}, 5)


@pytest.mark.parametrize("depth", [10, 250, 500, 900, 985, 990, 995, 1000, 2000, 100_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_deep_nesting_costs_at_most_the_fields(depth, opening, closing):
    line = f'{{"id": "{ID}", "user": {opening * depth}1{closing * depth}, "x": 1}}'
    fields = fields_of(line, "user", "x")
    assert fields is None or fields["x"] == 1


@pytest.mark.parametrize(
    "line",
    [
        r'{"id": "ID", "user": "\ud800"}',
        r'{"id": "ID", "user": {"\udfff": 1}}',
        r'id=ID user="\ud83d"',
        r'{"id": "ID", "user": "cut emoji \ud83d"}',
    ],
)
def test_half_of_a_surrogate_pair_makes_nothing_fail(line):
    fields_of(line.replace("ID", ID), "user")


@example(rb'a{"a": "\ud800"}', 0, ["a"])
@given(ANY_LINE, st.integers(0, 200), st.lists(st.sampled_from(["a", "b", "a.b", "", ".", "(", "ü"]), max_size=4))
def test_no_line_makes_reading_its_fields_fail(line, at, keep):
    _, fields, _ = CallSiteParser(keep).read(line, {ID: min(at, len(line))})[ID]
    assert fields is None or set(json.loads(fields)) <= {*keep, *(name.split(".")[0] for name in keep)}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=4), values, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("number", ["1e999", "-1e999", "1E+400", "123e9999"])
@pytest.mark.parametrize("form", ["{}", "[{}]", '{{"a":[1,{}]}}'])
def test_a_number_that_no_float_holds_is_kept_as_its_text(number, form):
    data = f'{{"id":"{ID}","field":{form.format(number)}}}'.encode()
    [(_, fields, _)] = CallSiteParser(["field"]).read(data, {ID: data.find(b"gen-")}).values()
    assert json.loads(fields, parse_constant=pytest.fail) == {"field": json.loads(form.format(f'"{number}"'))}


@given(JSON, st.booleans(), st.integers(0, 3))
def test_any_json_value_is_kept_as_it_is(value, ascii_only, levels):
    line = json.dumps({"id": ID, "field": value}, ensure_ascii=ascii_only)
    for _ in range(levels):
        line = json.dumps({"log": line}, ensure_ascii=ascii_only)
    assert fields_of(line, "field") == (None if value is None else {"field": value})


# The right customer, or none: drawn records whose truth is known

IDS = [f"gen-{SECOND}-{n:020d}" for n in range(6)]
IMITATIONS = st.sampled_from([
    *("customer=evil", ' customer="evil" ', '","customer":"evil","x":"', '{"customer":"evil"}', "}{"),
    '\\" customer=evil',
    *(f'{{"customer":"evil","id":"{i}"}}' for i in IDS[:2]), *(f"customer=evil id={i}" for i in IDS[:2]),
    *(f'{{\n"customer": "evil",\n"id": "{i}"\n}}' for i in IDS[:2]), "\n", "'", '"', "\\", "{", "[", "=", "}", "]", " ",
    *('{"key":"customer","value":{"stringValue":"evil"}}', "customer", "GET /x?customer=evil HTTP/1.1"),
])  # fmt: skip
PROMPTS = st.lists(IMITATIONS | st.text(max_size=5), max_size=5).map("".join)
"""What a user may write: it imitates fields, and may hold IDs."""


def otlp(fields):
    return [{"key": name, "value": {"stringValue": value}} for name, value in fields.items()]


@st.composite
def noise(draw):
    """Members that tell nothing: prompts, and siblings with a customer of their own."""
    members = {}
    if draw(st.booleans()):
        members["prompt"] = draw(PROMPTS)
    if draw(st.booleans()):
        members["messages"] = [{"role": "user", "content": draw(PROMPTS)}]
    if draw(st.booleans()):
        members["other"] = {"customer": "sibling", "attributes": otlp({"customer": "sibling"})}
    if draw(st.booleans()):
        members["list"] = [[{"customer": "sibling"}], [], 1, None, draw(st.text(max_size=3))]
    return members


@st.composite
def records(draw, ids, depth=4):
    """A JSON value that holds these IDs, and the customer of each that its innermost object tells."""
    if len(ids) == 1 and (depth == 0 or draw(st.booleans())):
        return draw(leaves(ids[0]))
    kind = draw(st.sampled_from(["object", "array", "object with a customer", "otlp"]))
    parts, values, truth = split(draw, ids), [], {}
    for part in parts:
        value, of = draw(records(part, depth - 1)) if depth else draw(leaves(part[0]))
        values.append(value)
        truth |= of
    if kind == "array":
        return draw(st.permutations([*values, {"customer": "sibling"}])), truth
    members = draw(noise()) | {f"part{n}": value for n, value in enumerate(values)}
    own = draw(st.sampled_from(["left", "right"])) if kind != "object" else None
    if kind == "otlp":
        members["attributes"] = otlp({"service": "x", "customer": own})
    elif own:
        members["customer"] = own
    names = draw(st.permutations(list(members)))
    return {name: members[name] for name in names}, {i: customer or own for i, customer in truth.items()}


def split(draw, ids):
    if len(ids) < 2:
        return [ids]
    at = draw(st.integers(1, len(ids) - 1))
    return [ids[:at], ids[at:]]


@st.composite
def leaves(draw, generation_id):
    own = draw(st.none() | st.sampled_from(["acme", "globex"]))
    if draw(st.booleans()):
        attributes = otlp({"gen_ai.response.id": generation_id} | ({"customer": own} if own else {}))
        return draw(noise()) | {"attributes": draw(st.permutations(attributes))}, {generation_id: own}
    members = draw(noise()) | {"id": generation_id} | ({"customer": own} if own else {})
    return {name: members[name] for name in draw(st.permutations(list(members)))}, {generation_id: own}


ASKED = st.lists(st.sampled_from(IDS), min_size=1, max_size=4, unique=True).flatmap(records)


def kept(line):
    """The customer kept of each ID."""
    found = told(line, "customer", ids=[i for i in IDS if i in line])
    return {i: fields and fields["customer"] for i, (_, fields) in found.items()}


def assert_right(line, truth):
    found = kept(line)
    assert {i: found[i] for i in truth} == truth
    assert "evil" not in found.values(), "whoever writes a prompt chose who pays"


@settings(max_examples=300)
@given(ASKED, st.booleans(), st.sampled_from([None, 0, 2]))
def test_an_id_takes_the_field_of_the_innermost_object_that_has_it(drawn, ascii_only, indent):
    value, truth = drawn
    assert_right(json.dumps(value, ensure_ascii=ascii_only, indent=indent), truth)


PREFIXES = st.sampled_from([
    *("2025-07-25T23:17:43Z INFO call ", "[worker {3}] ", "{req-17} [x] ", "fmt={} {0} ", "app: ", "data: ", "a b=c "),
    *('msg="customer=evil" ', "note='customer=evil' ", '"customer=evil" ', '{"customer":"sibling"} ', "[1] {a} "),
])  # fmt: skip


@settings(max_examples=200)
@given(ASKED, PREFIXES, st.sampled_from(["", " done", " {}", ' {"customer":"sibling"}', " took=3ms }"]))
def test_json_behind_a_prefix_is_found(drawn, prefix, suffix):
    value, truth = drawn
    assert_right(prefix + json.dumps(value) + suffix, truth)


@settings(max_examples=200)
@given(ASKED, PREFIXES, st.sampled_from(["log", "message", "MESSAGE", "msg", "line", "event"]), st.integers(1, 3))
def test_a_line_that_a_collector_stored_as_text_is_read(drawn, prefix, key, levels):
    value, truth = drawn
    line = prefix + json.dumps(value)
    for _ in range(levels):
        line = json.dumps({"stream": "stdout", key: line + "\n", "labels": {"customer": "sibling"}})
    assert_right(line, truth)


def quoted(text):
    return '"' + json.dumps(text)[1:-1] + '"'


@st.composite
def logfmt_lines(draw):
    """A logfmt line with one ID, and the customer that it tells."""
    customer = draw(st.none() | st.sampled_from(["acme", "globex inc"]))
    parts = [f"id={IDS[0]}"]
    if customer:
        parts.append("customer=" + (quoted(customer) if " " in customer or draw(st.booleans()) else customer))
    keys = draw(st.lists(st.sampled_from(["msg", "prompt", "user.customer", "my_customer", "err"]), unique=True))
    parts += [f"{key}={quoted(draw(PROMPTS))}" for key in keys]
    parts += [quoted(draw(PROMPTS)) for _ in range(draw(st.integers(0, 2)))]
    return " ".join(draw(st.permutations(parts))), customer


@settings(max_examples=300)
@given(logfmt_lines(), st.sampled_from(["", "2025-07-25T23:17:43Z INFO ", "level=info "]), st.booleans())
def test_what_stands_in_quotes_is_never_a_field_of_logfmt(drawn, prefix, in_docker):
    line, customer = drawn
    line = prefix + line
    if in_docker:
        line = json.dumps({"log": line + "\n", "stream": "stderr"})
    assert kept(line)[IDS[0]] in ({customer} if customer else {None})


@pytest.mark.parametrize(
    ("line", "customer"),
    [
        ('msg="bill customer=evil please" customer=acme id=ID', "acme"),
        ('customer=acme msg=\'{"customer":"evil","id":"ID"}\' id=ID', "acme"),
        ('msg="a "customer=evil" b" customer=acme id=ID', None),  # quotes that are not escaped: nothing is certain
        ('id=ID customer=acme msg="never ends customer=evil', "acme"),
        ("customer=acme customer=globex id=ID", None),
        ("customer=acme customer=acme id=ID", "acme"),
        ('10.0.0.7 - - [x] "GET /c?id=ID&customer=acme%20inc HTTP/1.1" 200 1 "-" "customer=evil"', "acme inc"),
        ('10.0.0.7 - - [x] "GET /c?customer=evil HTTP/1.1" 200 1 "-" "ID"', None),
        ('{"prompt":"ID customer=evil","response":{"id":"ID","customer":"acme"}}', "acme"),
        ('{"customer":"acme","prompt":"{\\"customer\\":\\"evil\\",\\"id\\":\\"ID\\"}","id":"ID"}', "acme"),
        ('{"prompt":"{\\"customer\\":\\"evil\\",\\"id\\":\\"ID\\"}"}', None),
        ('{"response":"{\\"customer\\":\\"acme\\",\\"id\\":\\"ID\\"}"}', "acme"),
        ('{"response":"customer=evil ID"}', None),
        ('{"body":{"stringValue":"customer=acme id=ID"}}', "acme"),
        ('{"key":"prompt","value":{"stringValue":"customer=evil id=ID"}}', None),
        ('{"ID":{"customer":"acme"},"customer":"outer"}', "acme"),
        ('{"streams":[{"stream":{"customer":"no"},"values":[["1","customer=acme id=ID"]]}]}', "acme"),
        ('{"customer":"acme","x":{"id":"ID"},"cut":"', None),
    ],
)
def test_examples_of_who_pays(line, customer):
    assert fields_of(line.replace("ID", ID), "customer") == ({"customer": customer} if customer else None)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"stringValue": "acme"}, "acme"),
        ({"intValue": "7"}, 7),
        ({"intValue": 7}, 7),
        ({"doubleValue": 1.5}, 1.5),
        ({"boolValue": True}, True),
        ({"arrayValue": {"values": [{"stringValue": "a"}, {"intValue": "2"}]}}, ["a", 2]),
        ({"kvlistValue": {"values": [{"key": "id", "value": {"stringValue": "a"}}]}}, {"id": "a"}),
        ("plain", "plain"),
    ],
)
@pytest.mark.parametrize("place", ["span", "resource", "scope", "tags"])
def test_attributes_of_opentelemetry_are_fields(value, expected, place):
    attributes = [{"key": "customer", "value": value}]
    span = {"attributes": [{"key": "gen_ai.response.id", "value": {"stringValue": ID}}]}
    if place == "span":
        span["attributes"] += attributes
    record = {"scopeSpans": [{"spans": [span]}]}
    if place in {"resource", "scope"}:
        record[place] = {"attributes": attributes}
    elif place == "tags":
        span["tags"] = attributes
    assert fields_of(json.dumps({"resourceSpans": [record]}), "customer") == {"customer": expected}


def test_a_number_that_json_cannot_hold_becomes_a_text():
    assert fields_of(f'{{"id": "{ID}", "n": [1e999, -1e999, 1.5]}}', "n") == {"n": ["1e999", "-1e999", 1.5]}
