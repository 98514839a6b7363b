"""What the command line's arguments stand for: every file once, under the name it was given first."""

import contextlib
import glob
import os
import random
import subprocess
import sys
import unicodedata
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.core.errors import Exit, NoInputError
from ingest.core.sightings import SourceRead
from ingest.sources.discovery import Expansion, Source, expand_sources
from ingest.sources.read_problems import ReadProblems, require_readable, unreadable
from ingest.sources.source_names import STDIN

NOT_FOLLOWED = "a link to a directory, not followed: name it as a source"


def written(path, content: bytes = b""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def names(expansion) -> list[str]:
    return [s.name for s in expansion.sources]


def problems(expansion) -> list[tuple[str, str]]:
    return [(p.source, p.problem) for p in expansion.problems]


# Directories


def test_a_directory_is_walked_in_sorted_order_without_its_hidden_files(tmp_path):
    for name in ("b.log", "a.log", "sub/z.log", "sub/deep/y.log", "another/x.log"):
        written(tmp_path / name)
    for name in (".hidden", "sub/.hidden", ".git/config", ".git/HEAD"):
        written(tmp_path / name)
    expansion = expand_sources([str(tmp_path)])
    assert names(expansion) == [
        str(tmp_path / name) for name in ("a.log", "b.log", "another/x.log", "sub/z.log", "sub/deep/y.log")
    ]
    assert not any(s.named for s in expansion.sources)
    assert (expansion.passed_over, expansion.problems) == (3, ())  # two files, and one folder as a whole


def test_thousands_of_files_are_found_each_once_and_in_order(tmp_path):
    expected = []
    for folder in ("", "a", "a/b", "c"):
        paths = [str(tmp_path / folder / f"{n:05d}.log") for n in range(500)]
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        for path in random.Random(1).sample(paths, len(paths)):
            Path(path).touch()
        expected += paths
    expansion = expand_sources([str(tmp_path), f"{tmp_path}/**/*.log", *expected[:10]])
    assert names(expansion) == expected
    assert (expansion.problems, expansion.passed_over) == ((), 0)
    assert [s.named for s in expansion.sources] == [True] * 2000  # for the pattern names each


def test_an_empty_directory_stands_for_nothing_and_is_no_problem(tmp_path):
    assert expand_sources([str(tmp_path)]) == Expansion((), (), 0)


def test_the_current_directory_is_one_too(tmp_path, monkeypatch):
    written(tmp_path / "logs" / "app.log")
    monkeypatch.chdir(tmp_path)
    assert names(expand_sources(["."])) == ["./logs/app.log"]
    assert names(expand_sources(["logs/"])) == ["logs/app.log"]


def test_loops_of_links_in_a_directory_end(tmp_path):
    path = written(tmp_path / "logs/app.log")
    (tmp_path / "logs/self").symlink_to("self")
    (tmp_path / "logs/up").symlink_to(tmp_path / "logs", target_is_directory=True)
    (tmp_path / "logs/a").symlink_to("b")
    (tmp_path / "logs/b").symlink_to("a")
    (tmp_path / "logs/gone").symlink_to("nowhere")
    expansion = expand_sources([str(tmp_path / "logs")])
    assert (names(expansion), expansion.problems, expansion.passed_over) == ([str(path)], (), 5)


def test_a_link_to_a_directory_is_counted_and_not_followed(tmp_path):
    written(tmp_path / "elsewhere" / "a.log")
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "current").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    expansion = expand_sources([str(tmp_path / "logs")])
    assert (expansion.sources, expansion.passed_over) == ((), 1)
    assert [(p.source, p.problem) for p in expansion.problems] == [(str(tmp_path / "logs" / "current"), NOT_FOLLOWED)]


@pytest.mark.parametrize("argument", ["logs", "logs/**", "logs/**/*.log", "**/logs/**/*", "logs/**/**/*.log"])
def test_a_link_to_a_directory_is_named_unless_another_name_leads_to_it(argument, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = written(tmp_path / "logs" / "2025" / "a.log")
    written(tmp_path / "elsewhere" / "b.log")
    written(tmp_path / "logs" / ".hidden" / "c.log")
    for name, target in {"current": "2025", "other": "../elsewhere", "secret": ".hidden"}.items():
        (tmp_path / "logs" / name).symlink_to(target, target_is_directory=True)
    is_read = argument.startswith("**")
    expansion = expand_sources([argument])
    assert names(expansion) == [str(path.relative_to(tmp_path))]
    assert {p.source for p in expansion.problems} == {"logs/secret", *(() if is_read else ("logs/other",))}
    assert {p.problem for p in expansion.problems} == {NOT_FOLLOWED}
    also = expand_sources([argument, "elsewhere"])
    assert {p.source for p in also.problems} == {"logs/secret"}


CIRCLES = """
import sys
from ingest.sources.discovery import expand_sources
for argument in sys.argv[1:]:
    expansion = expand_sources([argument])
    print(sorted(s.name for s in expansion.sources), [p.problem for p in expansion.problems])
"""


@pytest.mark.parametrize("count", [1, 2, 4])
def test_links_in_circles_end_in_directories_and_in_patterns(count, tmp_path):
    """glob follows them until the system gives up after 40: with two links in a directory, 2 to the power of 40."""
    for folder in "ab":
        written(tmp_path / "logs" / folder / "x.log")
        for number in range(count):
            (tmp_path / "logs" / folder / f"to-a{number}").symlink_to("../a", target_is_directory=True)
            (tmp_path / "logs" / folder / f"up{number}").symlink_to("..", target_is_directory=True)
    patterns = ["logs", "logs/**", "logs/**/*.log", "logs/**/a/**/x.log", "**/*.log", "logs/**/**/**/x.log"]
    command = [sys.executable, "-c", CIRCLES, *patterns]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)
    both = f"{['logs/a/x.log', 'logs/b/x.log']} []"
    assert done.stdout.splitlines() == [both, both, both, f"{['logs/a/x.log']} []", both, both]


@given(
    st.sets(st.lists(st.sampled_from(["a", "b", ".h"]), max_size=3).map("/".join), max_size=5),
    st.tuples(
        st.lists(st.sampled_from(["**", "*", "a", "b", "?"]), max_size=3).map("/".join),
        st.sampled_from(["**", "*", "x.log", "*.log"]),
    )
    .map(lambda parts: "/".join(filter(None, parts)))
    .filter(glob.has_magic),
)
@settings(max_examples=150, deadline=None)
def test_without_links_a_pattern_matches_what_pythons_own_glob_does(folders, pattern):
    with TemporaryDirectory() as root, contextlib.chdir(root):
        for folder in folders:
            written(Path(folder, "x.log"))
        expected = {os.path.normpath(m) for m in glob.glob(pattern, recursive=True) if Path(m).is_file()}  # noqa: PTH207
        assert {os.path.normpath(n) for n in names(expand_sources([pattern]))} == expected


def test_a_link_to_a_directory_that_is_named_is_walked(tmp_path):
    written(tmp_path / "elsewhere" / "a.log")
    (tmp_path / "current").symlink_to("elsewhere", target_is_directory=True)
    assert names(expand_sources([str(tmp_path / "current")])) == [str(tmp_path / "current" / "a.log")]


def test_a_link_to_a_file_in_a_directory_is_read_like_a_file(tmp_path):
    written(tmp_path / "elsewhere" / "a.log")
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "latest.log").symlink_to(tmp_path / "elsewhere" / "a.log")
    assert names(expand_sources([str(tmp_path / "logs")])) == [str(tmp_path / "logs" / "latest.log")]


def test_special_files_of_a_directory_are_skipped(tmp_path):
    path = written(tmp_path / "app.log")
    os.mkfifo(tmp_path / "pipe")
    expansion = expand_sources([str(tmp_path)])
    assert (names(expansion), expansion.passed_over) == ([str(path)], 1)


def test_a_directory_that_cannot_be_entered_costs_only_itself(tmp_path, monkeypatch):
    written(tmp_path / "ok" / "a.log")
    written(tmp_path / "shut" / "b.log")
    scandir = os.scandir

    def guarded(path):  # of a superuser's process none is shut
        if str(path).endswith("shut"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    expansion = expand_sources([str(tmp_path)])
    assert names(expansion) == [str(tmp_path / "ok" / "a.log")]
    assert problems(expansion) == [(str(tmp_path / "shut"), "Permission denied")]


@pytest.fixture
def deep(tmp_path, monkeypatch):
    """A directory that holds one in which there is one, and so on; what removes test directories would give up."""
    if os.pathconf("/", "PC_PATH_MAX") < 4096:
        pytest.skip("paths cannot be so long here")
    levels = 1100
    monkeypatch.chdir(tmp_path)
    for _ in range(levels):
        Path("d").mkdir()
        os.chdir("d")
    Path("deepest.log").touch()
    yield tmp_path, f"{tmp_path}/{'d/' * levels}deepest.log"
    Path("deepest.log").unlink()
    for _ in range(levels):
        os.chdir("..")
        Path("d").rmdir()


def test_directories_may_be_nested_deeper_than_calls(deep):
    top, deepest = deep
    path = written(top / "a.log")
    assert names(expand_sources([str(top)])) == [str(path), deepest]


# Files and patterns


def test_a_hidden_file_is_read_when_it_is_named(tmp_path):
    path = written(tmp_path / ".hidden.log")
    assert expand_sources([str(path)]) == Expansion((Source(str(path)),), (), 0)


def test_arguments_keep_their_order(tmp_path):
    paths = [str(written(tmp_path / name)) for name in ("c.log", "a.log", "b.log")]
    assert names(expand_sources([*paths, "-"])) == [*paths, "-"]


def test_a_glob_stands_for_its_files_in_sorted_order(tmp_path):
    for name in ("b.log", "a.log", "c.txt", "sub/d.log"):
        written(tmp_path / name)
    (tmp_path / "folder.log").mkdir()
    assert names(expand_sources([f"{tmp_path}/*.log"])) == [str(tmp_path / n) for n in ("a.log", "b.log")]
    assert names(expand_sources([f"{tmp_path}/**/*.log"])) == [
        str(tmp_path / n) for n in ("a.log", "b.log", "sub/d.log")
    ]
    assert all(s.named for s in expand_sources([f"{tmp_path}/*.log"]).sources)


def test_a_relative_glob_is_one_too(tmp_path, monkeypatch):
    written(tmp_path / "sub" / "d.log")
    monkeypatch.chdir(tmp_path)
    assert names(expand_sources(["s?b/[a-d].log"])) == ["sub/d.log"]


def test_a_file_whose_name_looks_like_a_glob_is_that_file(tmp_path):
    written(tmp_path / "app1.log")
    path = written(tmp_path / "app[1].log")
    assert names(expand_sources([str(path)])) == [str(path)]


@pytest.mark.parametrize("name", ["file:notes.log", "notes:", "a::b.log", "http:", "c/d://e.log", "1://x", "-app.log"])
def test_a_file_whose_name_looks_a_little_like_a_url_is_that_file(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written(tmp_path / name.replace("//", "/"))
    assert names(expand_sources([name])) == [name]


def test_special_files_are_read_when_they_are_named(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert names(expand_sources([str(tmp_path / "pipe"), os.devnull])) == [str(tmp_path / "pipe"), os.devnull]


@pytest.mark.parametrize(
    ("argument", "problem"),
    [("*.nope", "no file matches"), ("nope.log", "no such file or directory"), ("nope/", "no such file or directory")],
)
def test_an_argument_that_stands_for_nothing_is_a_problem_and_stops_nothing(argument, problem, tmp_path):
    path = str(written(tmp_path / "app.log"))
    expansion = expand_sources([f"{tmp_path}/{argument}", path])
    assert names(expansion) == [path]
    assert [(p.source, p.problem, p.complete, p.was_readable) for p in expansion.problems] == [
        (f"{tmp_path}/{argument}", problem, False, False)
    ]


def test_a_glob_that_matches_directories_only_stands_for_nothing_too(tmp_path):
    (tmp_path / "2025-07").mkdir()
    expansion = expand_sources([f"{tmp_path}/2025*"])
    assert (expansion.sources, [p.problem for p in expansion.problems]) == ((), ["no file matches"])


@pytest.mark.parametrize("argument", ["", "a\x00b", "a\x00*", "x" * 5000, "x" * 300 + "*", "gone/\udcff"])
def test_a_name_that_no_file_can_have_is_a_problem_and_stands_for_nothing(argument):
    # "" is what a shell makes of an unset variable: it must not stand for the current directory.
    expansion = expand_sources([argument])
    assert expansion.sources == ()
    assert [p.source for p in expansion.problems] == [argument.encode("utf-8", "backslashreplace").decode()]


def test_a_broken_link_is_reported_when_it_is_read(tmp_path):
    (tmp_path / "gone.log").symlink_to("nowhere")
    (tmp_path / "self.log").symlink_to("self.log")
    arguments = [str(tmp_path / "gone.log"), str(tmp_path / "self.log")]
    assert expand_sources(arguments) == Expansion(tuple(map(Source, arguments)), (), 0)


# Each file once


def test_a_file_named_twice_is_read_once_whatever_it_is_called(tmp_path, monkeypatch):
    path = written(tmp_path / "logs/app.log")
    (tmp_path / "link.log").symlink_to(path)
    (tmp_path / "linked").symlink_to("logs")
    monkeypatch.chdir(tmp_path)
    again = ["logs/app.log", "./logs/app.log", str(path), "logs/../link.log", "link.log", "linked/app.log"]
    assert names(expand_sources([*again, "logs", "linked", "logs/*.log", "."])) == ["logs/app.log"]
    assert names(expand_sources([*reversed(again)])) == ["linked/app.log"]
    assert names(expand_sources(["-", "-"])) == ["-"]


def test_hard_links_are_one_file_and_copies_are_not(tmp_path):
    path = written(tmp_path / "a.log", b"text")
    os.link(path, tmp_path / "b.log")
    written(tmp_path / "c.log", b"text")
    assert names(expand_sources([str(tmp_path)])) == [str(path), str(tmp_path / "c.log")]


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("argument", ["dump", "*mp", "link"])
def test_a_file_counts_as_named_even_if_a_directory_holds_it_too(order, argument, tmp_path):
    path = written(tmp_path / "logs" / "dump")
    os.link(path, tmp_path / "logs" / "link")
    expansion = expand_sources([str(tmp_path / "logs"), f"{tmp_path}/logs/{argument}"][::order])
    assert [s.named for s in expansion.sources] == [True]


def test_a_file_that_vanishes_while_others_are_found_stays_a_source_of_its_own(tmp_path):
    (tmp_path / "gone.log").symlink_to("nowhere")
    (tmp_path / "also.log").symlink_to("nowhere")
    arguments = [str(tmp_path / name) for name in ("gone.log", "also.log", "gone.log")]
    assert names(expand_sources(arguments)) == arguments[:2]


# Names


@pytest.mark.parametrize(
    "name", [b"with\nnewline", b"with \x1b[31m escape", b"undecodable \xff\xfe", b"  ", b"\xf0\x9f"]
)
def test_any_name_that_a_file_can_have_is_a_source_whose_label_can_be_stored(name, tmp_path):
    path = os.fsdecode(os.fsencode(tmp_path) + b"/" + name)
    try:
        Path(path).touch()
    except OSError:
        pytest.skip("no file can have this name here")
    for arguments in ([path], [str(tmp_path)], [f"{tmp_path}/*"]):
        expansion = expand_sources(arguments)
        assert (names(expansion), expansion.problems) == ([path], ())
        label = expansion.sources[0].label
        assert label.encode("utf-8").startswith(os.fsencode(tmp_path))


@given(st.binary(max_size=30))
def test_a_label_shows_bytes_that_are_no_text_and_leaves_text_alone(name):
    text = os.fsdecode(name)
    label = Source(text).label
    assert label.encode("utf-8").decode() == label
    if "://" not in text and not any(unicodedata.category(c) == "Cs" for c in text):
        assert label == text


def test_an_undecodable_byte_is_shown_by_its_number():
    assert Source(os.fsdecode(b"a\xffb.log")).label == "a\\udcffb.log"


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("-", "-"),
        ("logs/app.log", "logs/app.log"),
        ("who@host?x#y", "who@host?x#y"),
        ("s3://bucket/logs/app.log.gz", "s3://bucket/logs/app.log.gz"),
        ("s3://bucket/who@host/app.log", "s3://bucket/who@host/app.log"),
        ("https://host/app.log?X-Amz-Signature=SECRET", "https://host/app.log"),
        ("https://host/app.log#SECRET", "https://host/app.log"),
        ("https://user:SECRET@host:8080/app.log", "https://host:8080/app.log"),
        ("https://SECRET@host/app.log?sig=SECRET#SECRET", "https://host/app.log"),
        ("HTTPS://user:SECRET@host/app.log?sig=SECRET", "HTTPS://host/app.log"),
        ("ftp://user:SECRET@host/app.log", "ftp://host/app.log"),
        ("zip://a.log::https://user:SECRET@host/logs.zip?sig=SECRET", "zip://a.log::https://host/logs.zip"),
        ("filecache::https://user:SECRET@host/a.log?sig=SECRET\nSECRET", "filecache::https://host/a.log"),
    ],
)
def test_a_label_shows_no_secret_of_a_url(name, label):
    assert Source(name).label == label
    assert unreadable(name, "gone").source == label


def test_a_password_may_hold_an_at_sign():
    assert Source("https://user:SEC@RET@host/app.log").label == "https://host/app.log"


@pytest.mark.parametrize("name", ["https://host/app.log?sig=SEC::RET", "https://user:a::RET@host/app.log"])
def test_a_secret_may_hold_what_chains_urls(name):
    assert "RET" not in Source(name).label


def test_a_host_may_be_an_address_that_looks_like_a_chain():
    assert Source("https://user:SECRET@[::1]:80/a.log?sig=SECRET").label == "https://[::1]:80/a.log"


# Nothing to read


def a_read(name="app.log", problem=None, **facts) -> SourceRead:
    return SourceRead(name, **{"bytes_read": 0, "sightings": 0, "complete": not problem, **facts}, problem=problem)


def test_standard_input_is_called_by_a_dash():
    assert STDIN == "-"
    assert expand_sources(["-"]) == Expansion((Source("-"),), (), 0)


@pytest.mark.parametrize(
    "readable",
    [
        a_read(),
        a_read(bytes_read=10),
        a_read(problem="truncated", bytes_read=10),
        a_read(problem="truncated", unchanged=True),
    ],
)
def test_one_readable_source_is_enough(readable):
    require_readable([a_read(problem="gone"), readable])
    require_readable([readable])
    require_readable([])


@pytest.mark.parametrize(
    "unread",
    [a_read(problem="gone"), a_read(problem="binary, not text", passed_over=True), unreadable("app.log", "gone")],
)
def test_sources_of_which_none_can_be_read_are_an_error(unread):
    with pytest.raises(NoInputError) as caught:
        require_readable([unread, unread])
    assert caught.value.code is Exit.NO_INPUT


def test_the_error_for_nothing_readable_names_three_sources_in_plain_ascii(tmp_path):
    expansion = expand_sources([f"{tmp_path}/\u202egone{n}.log" for n in range(5)])
    with pytest.raises(NoInputError) as caught:
        require_readable(expansion.problems)
    assert caught.value.cause == "; ".join(
        f"{tmp_path}/\\u202egone{n}.log: no such file or directory" for n in range(3)
    )


# What came of reading


def test_sources_not_read_to_their_end_are_problems_and_skipped_ones_are_not():
    read_problems = ReadProblems()
    gone, cut = a_read("gone.log", problem="gone"), a_read("cut.gz", problem="truncated", bytes_read=10)
    read_problems.add([gone, a_read("whole.log")])
    read_problems.add([a_read("blob", problem="binary, not text", passed_over=True), cut])
    assert read_problems.problems == [gone, cut]
    read_problems.require_readable()


@given(st.lists(st.lists(st.sampled_from(["read", "gone", "binary"]), max_size=4), max_size=5))
def test_sources_are_refused_alike_whether_they_come_together_or_one_after_the_other(parts):
    kinds = {
        "read": a_read(),
        "gone": a_read(problem="gone"),
        "binary": a_read(problem="binary, not text", passed_over=True),
    }
    read_problems, together = ReadProblems(), [kinds[kind] for part in parts for kind in part]
    for part in parts:
        read_problems.add(iter([kinds[kind] for kind in part]))

    def refusal(require, *arguments):
        try:
            require(*arguments)
        except NoInputError as error:
            return str(error)
        return None

    assert refusal(read_problems.require_readable) == refusal(require_readable, together)
