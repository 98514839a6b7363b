"""Which fields lines have."""

import json

from hypothesis import given
from hypothesis import strategies as st
from support.lines import ID, OTHER

from ingest.sources.call_site import CallSiteParser
from ingest.sources.field_names import MOST_NAMES, FieldNames

VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text("abx.", max_size=2), inner, max_size=3),
    max_leaves=8,
)


def names_of(*lines):
    names = FieldNames()
    for line in lines:
        names.read(line.encode(), {i: line.find(i) for i in (ID, OTHER) if i in line})
    return names


@given(st.dictionaries(st.text("abx.", max_size=2), VALUES, max_size=4))
def test_what_is_shown_can_be_kept(fields):
    line = json.dumps(fields | {"id": ID})
    names = names_of(line)
    parser = CallSiteParser(tuple(names.counts))
    parser.read(line.encode(), {ID: 8})
    assert parser.kept == dict(names.counts)


def test_names_are_counted_for_each_id():
    line = json.dumps([{"id": ID, "a": {"b": 1}}, {"id": OTHER}])
    names = names_of(line, f"user=ann id={ID}")
    assert (names.counts, names.read_ids) == ({"id": 3, "a.b": 1, "user": 1}, 3)


def test_there_are_at_most_so_many_names():
    names = names_of(json.dumps({"id": ID} | {f"n{n}": n for n in range(3 * MOST_NAMES)}))
    names.read(None, {ID: 0})
    assert len(names.counts) == MOST_NAMES
