"""The mapping file: what it may hold, and the teams of requests against plain Python."""

import csv
from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from support.named_users import write_named

from ingest.core.errors import NoInputError, UnexpectedInputError, UsageError
from ingest.reports.names import shown
from ingest.reports.period import Period
from ingest.reports.report import report
from ingest.reports.summary_view import printed
from ingest.reports.team_map import Mapping, TeamMap, read_team_map
from ingest.warehouse.reader import Reader

USERS = [None, "", "(none)", "(unmapped)", "ann", "Bob", "eve,x", 'say "x"', " led", "größe"]
APPS = [None, 1, 22]
CUSTOMERS = [None, "acme", "c,d", "7"]
REQUESTS = [
    ({"external_user": user, "app_id": app}, {"customer": customer} if customer else {})
    for user in USERS
    for app in APPS
    for customer in CUSTOMERS
]
VALUES = {
    "user": USERS,
    "app": [None if app is None else str(app) for app in APPS],
    "field:customer": CUSTOMERS,
}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    path = tmp_path_factory.mktemp("teams") / "w.duckdb"
    records = write_named(path, REQUESTS)
    with Reader(path) as reader:
        yield reader, list(records.values())


def value_of(request, dimension):
    answer, fields = request
    if dimension == "field:customer":
        return fields.get("customer")
    value = answer["external_user" if dimension == "user" else "app_id"]
    return None if value is None else str(value)


def team_of(request, mappings):
    """The first line that fits."""
    return next((team for by, value, team in mappings if value_of(request, by) == value), None)


teams = st.sampled_from(["search", "growth", "(none)", "(other)", "total", "Ops & Co"])
mappings = st.lists(
    st.sampled_from([(by, value) for by, values in VALUES.items() for value in values]).flatmap(
        lambda key: st.tuples(st.just(key[0]), st.just(key[1]), teams)
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda mapping: mapping[:2],
)


def write_map(path, mapped, separator, newline, mark):
    columns = [*dict.fromkeys(by for by, _, _ in mapped), "team"]
    with path.open("w", encoding=f"utf-8{mark}", newline="") as file:
        writer = csv.writer(file, delimiter=separator, lineterminator=newline)
        writer.writerow(columns)
        for by, value, team in mapped:
            writer.writerow([team if c == "team" else shown(value) or '""' if c == by else "" for c in columns])
    return path


@given(
    mapped=mappings,
    separator=st.sampled_from(",;\t"),
    newline=st.sampled_from(["\n", "\r\n"]),
    mark=st.sampled_from(["", "-sig"]),
)
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
def test_any_mapping_file_makes_the_teams_that_plain_python_makes(world, tmp_path, mapped, separator, newline, mark):
    reader, records = world
    read = read_team_map(write_map(tmp_path / "team.csv", mapped, separator, newline, mark))
    assert read.mappings == tuple(Mapping(*mapping) for mapping in mapped)
    expected = Counter(team_of(request, mapped) for request in REQUESTS)
    found = report(reader, "cost", Period(), "team", teams=read)
    assert dict(found.rows.select("team", "request_count").rows()) == expected
    attempts = Counter()
    for request, record in zip(REQUESTS, records, strict=True):
        attempts[team_of(request, mapped)] += len(record["provider_responses"] or [])
    found = report(reader, "errors", Period(), "team", teams=read).rows
    assert dict(found.select("team", "attempt_count").rows()) == {t: n for t, n in attempts.items() if n}
    one = next(iter(expected))
    found = report(reader, "summary", Period(), where=[f"team={shown(one)}"], teams=read)
    assert found.rows["request_count"].item() == expected[one]
    found = report(reader, "cost", Period(), "user,team", where=[f"team!={shown(one)}"], teams=read)
    assert found.total["request_count"].item() == len(REQUESTS) - expected[one]


def test_the_unmapped_have_a_row_and_are_named(world):
    reader, _ = world
    everybody = tuple(Mapping("user", user, "rest") for user in USERS if user not in ("ann", 'say "x"'))
    found = report(reader, "cost", Period(), "team", teams=TeamMap("team.csv", everybody))
    assert set(found.rows["team"]) == {"rest", None}
    assert "(unmapped)" in printed(found, "table", 200)
    assert found.note.startswith("team.csv does not map user ")
    assert {*found.note.removeprefix("team.csv does not map user ").split(", ")} == {"ann", 'say "x"'}
    all_of_them = TeamMap("team.csv", tuple(Mapping("user", user, "rest") for user in USERS))
    assert report(reader, "cost", Period(), "team", teams=all_of_them).note == ""


def test_teams_need_a_mapping_file(world):
    for options in ({"by": "team"}, {"where": ["team=a"]}):
        with pytest.raises(UsageError) as refused:
            report(world[0], "cost", Period(), **options)
        assert refused.value.fix == "give it with --map FILE"


def test_a_mapped_field_must_have_been_kept(world):
    with pytest.raises(UsageError) as refused:
        report(world[0], "cost", Period(), "team", teams=TeamMap("team.csv", (Mapping("field:custmer", "a", "b"),)))
    assert refused.value.fix == "did you mean customer?"


@pytest.mark.parametrize(
    ("text", "cause", "fix"),
    [
        ("", "its first line is to name the column team", "user,team"),
        ("user\nann\n", "its first line is to name the column team", "user,team"),
        ("team\nx\n", "its first line is to name the column team", "user,team"),
        ("user,user,team\nann,,x\n", "once each", "user,team"),
        ("usr,team\nann,x\n", "its columns are team and dimensions", "did you mean user?"),
        ("day,team\n2026-11-01,x\n", "its columns are team and dimensions", "name one of them"),
        ("user,team\nann,\n", "it names no team", "one team and one value"),
        ("user,app,team\nann,1,x\n", "it maps 2 values", "one team and one value"),
        ("user,app,team\n,,x\n", "it maps 0 values", "one team and one value"),
        ("user,team\nann\n", "it has 1 cells, the first line 2", "one team and one value"),
        ("user,team\nann,x\nann,y\n", "user ann is of team x above", "one team and one value"),
        ('user,team\n"""ann",x\n', "a name in double quotes", "write it as"),
    ],
)
def test_a_file_that_is_no_mapping_is_refused(tmp_path, text, cause, fix):
    (tmp_path / "team.csv").write_text(text, encoding="utf-8")
    with pytest.raises((UnexpectedInputError, UsageError)) as refused:
        read_team_map(tmp_path / "team.csv")
    assert cause in refused.value.cause
    assert fix in refused.value.fix


def test_the_line_with_the_problem_is_named(tmp_path):
    (tmp_path / "team.csv").write_text("user,team\n\nann,x\nbob\n", encoding="utf-8")
    with pytest.raises(UnexpectedInputError, match="line 4 of"):
        read_team_map(tmp_path / "team.csv")


def test_a_file_that_cannot_be_read_or_is_no_text(tmp_path):
    with pytest.raises(NoInputError):
        read_team_map(tmp_path / "team.csv")
    with pytest.raises(NoInputError):
        read_team_map(tmp_path)
    (tmp_path / "team.csv").write_bytes(b"user,team\n\xff,x\n")
    with pytest.raises(UnexpectedInputError):
        read_team_map(tmp_path / "team.csv")
