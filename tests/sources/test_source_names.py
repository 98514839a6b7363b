import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.sources.discovery import expand_sources
from ingest.sources.source_names import STDIN, absolute, is_relative_form, label_of

words = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=8)
paths = st.lists(st.one_of(words, st.sampled_from([".", "logs", "[a]", "*"])), min_size=1, max_size=4).map("/".join)


@given(paths)
def test_a_path_is_the_file_that_it_names_here(path):
    found = absolute(path)
    assert found == os.path.normpath(f"{Path.cwd()}/{path}") or ".." in path.split("/")
    assert absolute(found) == found
    assert label_of(found) == found


@pytest.mark.parametrize(
    "name", ["", STDIN, "/var/log/app.log", "/a/../b.log", "s3://bucket/a.log", "https://host/a.log"]
)
def test_other_names_are_as_they_were(name):
    assert absolute(name) == name


def test_two_dots_behind_a_link_lead_where_the_link_leads(tmp_path, monkeypatch):
    (tmp_path / "far/away").mkdir(parents=True)
    (tmp_path / "link").symlink_to("far/away")
    (tmp_path / "far/app.log").write_text("far")
    monkeypatch.chdir(tmp_path)
    assert Path(absolute("link/../app.log")).read_text() == "far"


@pytest.mark.parametrize("where", [".", "logs", "[odd] *?"])
@pytest.mark.parametrize("argument", ["a.log", "./a.log", "*.log", "deep", "deep/../a.log"])
def test_a_source_has_one_name_wherever_it_is_named_from(tmp_path, monkeypatch, where, argument):
    directory = tmp_path / where
    (directory / "deep").mkdir(parents=True)
    for name in ("a.log", "deep/b.log"):
        (directory / name).write_text("text")
    monkeypatch.chdir(directory)
    named = expand_sources([argument], as_absolute=True).sources
    assert [os.path.realpath(s.name) for s in named] == [
        os.path.realpath(directory / ("deep/b.log" if argument == "deep" else "a.log"))
    ]
    assert all(s.name.startswith("/") for s in named)
    as_typed = expand_sources([argument]).sources
    assert not any(s.name.startswith("/") for s in as_typed)


@pytest.mark.parametrize(
    ("earlier", "is_one"),
    [
        *(("app.log", True), ("logs/app.log", True), ("../app.log", True)),
        *(("/srv/app.log", False), ("app.log.1", False), (STDIN, False), ("s3://bucket/app.log", False)),
    ],
)
def test_an_earlier_relative_name(earlier, is_one):
    assert is_relative_form(earlier, "/srv/logs/app.log") == is_one
