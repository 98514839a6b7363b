"""Lists of the management API in pages, over real sockets."""

import asyncio
import json
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.clock import FakeClock
from support.loopback import listening, whole
from support.simulated_account import management_key

from ingest.client.management import ManagementClient
from ingest.client.pages import list_all
from ingest.core.errors import UnexpectedInputError


def listed(page, *, beside=None, most_pages=100, **params):
    """What `list_all` makes of pages that `page(offset)` returns; and the queries."""
    queries = []

    async def answer(request, writer):
        query = parse_qs(urlsplit(request.split()[1].decode()).query)
        queries.append({name: values[0] for name, values in query.items()})
        body = {"data": page(int(queries[-1].get("offset", 0))), **(beside or {})}
        writer.write(whole(json.dumps(body).encode()))
        await writer.drain()

    async def run():
        async with listening(answer) as url, ManagementClient(management_key, url, clock=FakeClock()) as client:
            return await list_all(client, "/keys", "hash", params, most_pages)

    return asyncio.run(run()), queries


ENTRIES = st.one_of(
    st.integers(0, 15).map(lambda n: {"hash": f"h{n}", "n": n}), st.sampled_from([None, 7, {}, {"hash": 1}])
)


@settings(max_examples=25)
@given(st.lists(st.integers(0, 40), unique=True), st.integers(1, 12), st.booleans())
def test_a_list_comes_whole_however_it_is_divided(numbers, size, counts):
    rows = [{"hash": f"h{n}", "n": n} for n in numbers]
    beside = {"total_count": len(rows)} if counts else None
    found, queries = listed(lambda offset: rows[offset : offset + size], beside=beside, include="x")
    assert (found.rows, found.ignored, found.problem) == (rows, 0, None)
    assert all(query["include"] == "x" for query in queries)
    assert len(queries) <= len(rows) // size + 2


@settings(max_examples=25)
@given(st.lists(ENTRIES, max_size=20), st.integers(1, 12))
def test_each_entry_is_kept_once_and_what_is_no_entry_is_counted(entries, size):
    found, _ = listed(lambda offset: entries[offset : offset + size])
    good = [e for e in entries if isinstance(e, dict) and isinstance(e.get("hash"), str)]
    if found.problem is None:
        assert found.rows == list({e["hash"]: e for e in good}.values())
        assert found.ignored == len(entries) - len(good)
    else:  # a page without anything new looks like one that comes again
        assert "repeats" in found.problem


@pytest.mark.parametrize("most_pages", [1, 2, 7])
def test_a_list_that_never_ends_is_left_and_named(most_pages):
    found, queries = listed(lambda offset: [{"hash": str(offset + n)} for n in range(3)], most_pages=most_pages)
    assert len(queries) == most_pages
    assert len(found.rows) == 3 * most_pages
    assert found.problem == f"/keys does not end: {3 * most_pages} entries on {most_pages} pages"


def test_a_page_that_comes_again_and_again_ends_the_list():
    found, queries = listed(lambda _: [{"hash": "a"}, {"hash": "b"}])
    assert len(queries) == 2
    assert [row["hash"] for row in found.rows] == ["a", "b"]
    assert found.problem == "page 2 of /keys repeats what came before"


@pytest.mark.parametrize("data", [None, {}, "x", 3])
def test_what_is_no_list_is_refused(data):
    with pytest.raises(UnexpectedInputError, match="/keys is not understood"):
        listed(lambda _: data)
