import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.core.errors import UsageError
from ingest.reports.names import named, shown

labels = st.sampled_from(["", "(none)", "(other)", "total", '"', '""', '"(none)"', '"total"', " total", "(none) ", " "])
names = st.one_of(st.none(), labels, st.text(), st.text(st.sampled_from('" \\()noe')))


@given(names)
def test_a_text_stands_for_one_name(name):
    assert named(shown(name)) == name


@given(names, names)
def test_two_names_are_never_shown_alike(one, other):
    assert (shown(one) == shown(other)) == (one == other)


@given(st.text())
def test_no_name_is_shown_like_a_label_or_like_nothing(name):
    assert shown(name).strip() not in ("", "(none)", "(other)", "total")


def test_an_ordinary_name_is_shown_as_it_is():
    for name in ("openai/gpt-5", "Jürgen Müller", "a (b)", 'the "best"', "2026-11-20", "Total"):
        assert shown(name) == name


@pytest.mark.parametrize("text", ['"', '"a', '"a" b', '"\\q"'])
def test_quotes_must_hold_a_json_string(text):
    with pytest.raises(UsageError):
        named(text)
