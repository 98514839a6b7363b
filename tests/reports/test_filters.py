import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.core.errors import UsageError
from ingest.reports.definitions import REPORTS
from ingest.reports.filters import Filter, filters_of
from ingest.reports.names import shown

names = st.one_of(
    st.none(), st.text(), st.sampled_from(["", "(none)", "(other)", "=", "!=x", "a=b", " a ", '"', '"a"'])
)


@given(
    dimension=st.sampled_from([*REPORTS["cost"].dimensions]),
    name=names,
    sign=st.sampled_from(["=", "!=", " = ", " != "]),
)
def test_a_filter_is_read_as_it_is_written(dimension, name, sign):
    assert filters_of("cost", [f"{dimension}{sign}{shown(name)}"]) == (Filter(dimension, (name,), "!" in sign),)


def test_values_of_one_dimension_are_alternatives_for_each_sign():
    texts = ["model=a", "provider!=x", "model=b", "model!=c", "provider!=y"]
    assert filters_of("cost", texts) == (
        Filter("model", ("a", "b"), is_excluded=False),
        Filter("provider", ("x", "y"), is_excluded=True),
        Filter("model", ("c",), is_excluded=True),
    )


def test_an_empty_value_is_an_empty_name_and_none_is_no_name():
    [found] = filters_of("cost", ["user=", 'user=""', "user=(none)", 'user="(none)"'])
    assert found.values == ("", "", None, "(none)")


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("model", "write it as in"),
        ("", "write it as in"),
        ("model==a", "write it as in"),
        ("modle=a", "did you mean model?"),
        ("model>=a", "did you mean model?"),
        ("=a", "name one of them"),
        ("total_usage=1", "name one of them"),
        ("model'; DROP TABLE generations; --=a", "name one of them"),
        ('model="a', "write it as"),
        ('model="a"b', "write it as"),
    ],
)
def test_another_form_or_name_is_refused_with_a_suggestion(text, fix):
    with pytest.raises(UsageError) as refused:
        filters_of("cost", [text])
    assert fix in refused.value.fix


@pytest.mark.parametrize("report", [name for name, each in REPORTS.items() if not each.dimensions])
def test_a_report_without_dimensions_has_no_filters(report):
    with pytest.raises(UsageError) as refused:
        filters_of(report, ["model=a"])
    assert refused.value.fix == "leave --where out"
