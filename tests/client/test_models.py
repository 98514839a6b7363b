import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.billing import asked

from ingest.client.models import list_models, read_models, read_page
from ingest.core.errors import UnexpectedInputError

MODEL = {
    "id": "a/one",
    "canonical_slug": "a/one-2026",
    "name": "One",
    "pricing": {"prompt": "0.1", "a": "2"},
    "more": 1,
}


def pages(size, count, beside):
    """A server with as many models, that tells them in pages."""

    def answer(path, params):
        assert path == "/models"
        begin = int(params.get("offset", 0))
        data = [{"id": f"a/{number}"} for number in range(begin, min(begin + size, count))]
        return {"data": data} | beside(begin + len(data), count)

    return answer


def test_a_model_has_its_slugs_its_prices_and_all_else():
    [model] = asked(lambda *_: {"data": [MODEL]}, list_models).models
    assert (model.slug, model.canonical_slug, model.name) == ("a/one", "a/one-2026", "One")
    assert (model.pricing, model.extra, model.expiration_date) == ('{"a":"2","prompt":"0.1"}', '{"more":1}', None)


@pytest.mark.parametrize(
    "beside",
    [
        lambda _, count: {"total_count": count},
        lambda told, count: {"links": {"next": "https://x" if told < count else None}},
        lambda told, count: {"total_count": str(count), "links": {"next": "x" if told < count else None}},
    ],
)
@pytest.mark.parametrize(("size", "count"), [(10, 0), (10, 9), (10, 10), (3, 10), (1, 4)])
def test_all_pages_are_read(size, count, beside):
    listed = asked(pages(size, count, beside), list_models)
    assert [m.slug for m in listed.models] == [f"a/{n}" for n in range(count)]
    assert listed.is_whole


@pytest.mark.parametrize("beside", [{"total_count": 99}, {"links": {"next": "https://x"}}])
def test_a_list_that_never_ends_is_read_once_and_not_whole(beside):
    listed = asked(lambda *_: {"data": [MODEL]} | beside, list_models)
    assert ([m.slug for m in listed.models], listed.is_whole) == (["a/one"], False)


@given(entries=st.lists(st.sampled_from([MODEL, {"id": "a/two"}, {"id": None}, {"id": ""}, {}, "odd", None, 7])))
def test_what_has_no_slug_is_counted_and_each_slug_stands_once(entries):
    listed = read_models(entries, is_whole=True)
    slugs = [entry["id"] for entry in entries if isinstance(entry, dict) and entry.get("id")]
    assert listed.ignored == len(entries) - len(slugs)
    assert [m.slug for m in listed.models] == list(dict.fromkeys(slugs))


def test_what_is_no_list_is_not_understood():
    with pytest.raises(UnexpectedInputError):
        read_page({"models": []})
