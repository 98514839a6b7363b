"""Sources in remote stores: read like files, found like files, and silent about the secrets in their URLs."""

import gzip
import io
import threading
import zipfile
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from ingest.core.errors import ConfigurationError, Exit
from ingest.sources import remote, source_names
from ingest.sources.checkpoints import CheckpointIndex
from ingest.sources.discovery import Source, expand_sources
from ingest.sources.source_scan import SourceScan

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND = 1753485462
TODAY = f"gen-{SECOND}-AbCdEfGhIj0123456789"
LEGACY = "gen-aBcDeFgHiJkLmNoPqRsTuVwX"
TEXT = f"one {TODAY}\ntwo {LEGACY}\n".encode()


def scanned(url: str):
    scan = SourceScan(Source(url), NOW, CheckpointIndex())
    return [(s.generation_id, s.position) for sightings in scan for s in sightings], scan.result


def names(expansion) -> list[str]:
    return [s.name for s in expansion.sources]


def problems(expansion) -> list[tuple[str, str]]:
    return [(p.source, p.problem) for p in expansion.problems]


WHOLE = [(TODAY, 4), (LEGACY, TEXT.index(LEGACY.encode()))]


@pytest.fixture
def memory():
    """A store in memory, empty at first."""

    def clear():
        MemoryFileSystem.store.clear()
        MemoryFileSystem.pseudo_dirs[:] = [""]

    clear()
    yield fsspec.filesystem("memory")
    clear()


# URLs


@pytest.mark.parametrize(
    "name",
    [
        "s3://bucket/key",
        "https://host/",
        "memory://a",
        "FILE:///a",
        "zip://a::file://b",
        "simplecache::s3://bucket/key",
    ],
)
def test_a_scheme_makes_a_url(name):
    assert source_names.is_url(name)


@pytest.mark.parametrize(
    "name", ["", "-", "a.log", "a:b", "c:\\logs", "a::b", "/s3://bucket", "./s3://bucket", "a/b://c", "://a", "1s3://a"]
)
def test_everything_else_is_a_file(name):
    assert not source_names.is_url(name)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(13, "Permission denied", "https://host/?sig=SECRET"), "Permission denied"),
        (FileNotFoundError("https://host/?sig=SECRET"), "no such file or directory"),
        (FileNotFoundError("bucket/key?sig=SECRET"), "no such file or directory"),
        (RuntimeError("cannot get https://host/?sig=SECRET"), "cannot get …"),
        (TimeoutError(), "timed out"),
        (ValueError("Protocol not known: nope"), "Protocol not known: nope"),
        (ValueError("first line\nsecond line"), "first line"),
        (ValueError("\nsecond line"), "ValueError"),
    ],
)
def test_an_error_text_is_one_line_without_the_url(error, said):
    assert source_names.error_text(error) == said


# A store in memory


def test_an_object_is_read_like_a_file(memory):
    memory.pipe("/logs/app.log", TEXT)
    expansion = expand_sources(["memory://logs/app.log"])
    assert expansion.sources == (Source("memory://logs/app.log"),)
    found, read = scanned("memory://logs/app.log")
    assert found == WHOLE
    assert (read.source, read.complete, read.problem) == ("memory://logs/app.log", True, None)
    assert (read.size, read.bytes_read) == (len(TEXT), len(TEXT))


@pytest.mark.parametrize("size", [1, 4095, 4096, 4097, 600_000, 6_000_000])
def test_an_object_of_any_size_is_read_to_its_end(size, memory):
    text = b"." * size + TEXT
    memory.pipe("/app.log", text)
    found, read = scanned("memory://app.log")
    assert found == [(generation_id, size + at) for generation_id, at in WHOLE]
    assert (read.complete, read.bytes_read) == (True, len(text))


def test_an_empty_object_is_read_to_its_end(memory):
    memory.pipe("/empty.log", b"")
    found, read = scanned("memory://empty.log")
    assert (found, read.complete, read.problem, read.size) == ([], True, None, 0)


def test_an_archive_in_a_store_is_read_as_its_text(memory):
    memory.pipe("/app.log.gz", gzip.compress(TEXT))
    found, read = scanned("memory://app.log.gz")
    assert (found, read.complete, read.bytes_read) == (WHOLE, True, len(TEXT))


def test_an_archive_in_a_store_that_is_truncated_is_read_as_far_as_it_goes_for_good(memory, tmp_path):
    content = gzip.compress(TEXT)[:-4]
    memory.pipe("/app.log.gz", content)
    (tmp_path / "app.log.gz").write_bytes(content)
    for name in (str(tmp_path / "app.log.gz"), "memory://app.log.gz"):
        found, read = scanned(name)
        assert (found, read.complete) == (WHOLE, False)
        assert read.problem == "truncated: the archive ends in the middle"
        assert read.checkpoint.done


def test_the_objects_below_a_url_are_found_in_sorted_order(memory):
    for path in ("/logs/b.log", "/logs/a.log", "/logs/2025/c.log", "/other/d.log"):
        memory.pipe(path, TEXT)
    for url in ("memory://logs", "memory://logs/"):
        expansion = expand_sources([url])
        assert names(expansion) == [f"memory:///logs/{n}" for n in ("2025/c.log", "a.log", "b.log")]
        assert not any(s.named for s in expansion.sources)
        assert expansion.problems == ()
    for name in names(expand_sources(["memory://logs"])):
        assert scanned(name)[0] == WHOLE


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("memory://logs/*.log", ["a.log", "b.log"]),
        ("memory://logs/**/*.log", ["2025/c.log", "a.log", "b.log"]),
        ("memory://logs/[b-z].log", ["b.log"]),
        ("memory://logs/?.log", ["a.log", "b.log"]),
    ],
)
def test_a_pattern_stands_for_the_objects_that_match_it(pattern, expected, memory):
    for path in ("/logs/b.log", "/logs/a.log", "/logs/2025/c.log", "/logs/d.txt"):
        memory.pipe(path, TEXT)
    assert names(expand_sources([pattern])) == [f"memory:///logs/{n}" for n in expected]


@pytest.mark.parametrize("url", ["memory://gone", "memory://gone/app.log", "memory://gone/*", "memory://logs/*.gz"])
def test_what_a_store_does_not_have_is_a_problem_and_stops_nothing(url, memory, tmp_path):
    memory.pipe("/logs/app.log", TEXT)
    (tmp_path / "app.log").touch()
    expansion = expand_sources([url, str(tmp_path / "app.log")])
    assert names(expansion) == [str(tmp_path / "app.log")]
    assert problems(expansion) == [(url, "no such file or directory")]


def test_an_object_that_is_gone_by_the_time_it_is_read_is_a_problem(memory):
    found, read = scanned("memory://gone.log")
    assert (found, read.complete, read.was_readable) == ([], False, False)
    assert read.problem == "no such file or directory"


def test_an_object_named_twice_is_read_once(memory):
    memory.pipe("/app.log", TEXT)
    assert names(expand_sources(["memory:///app.log", "memory://*", "memory:///app.log"])) == ["memory:///app.log"]
    assert [s.named for s in expand_sources(["memory://*", "memory:///app.log"]).sources] == [True]


def test_an_object_that_changed_has_another_signature(memory):
    memory.pipe("/app.log", TEXT)
    with remote.open_object("memory://app.log") as (_, size, first):
        assert (size, first is None) == (len(TEXT), False)
    with remote.open_object("memory://app.log") as (_, _, again):
        assert again == first
    memory.pipe("/app.log", TEXT.swapcase())
    with remote.open_object("memory://app.log") as (_, _, then):
        assert then not in {None, first}


def test_an_id_in_an_objects_name_and_in_its_text_is_found_once_in_the_text(memory):
    memory.pipe(f"/logs/{TODAY}.json", TEXT)
    found, read = scanned(f"memory://logs/{TODAY}.json")
    assert found == WHOLE
    assert read.sightings == 2


# Other stores


def test_a_file_url_is_that_file(tmp_path):
    (tmp_path / "app.log").write_bytes(TEXT)
    url = f"file://{tmp_path}/app.log"
    assert names(expand_sources([url])) == [url]
    found, read = scanned(url)
    assert (found, read.source, read.complete, read.size) == (WHOLE, url, True, len(TEXT))


def test_a_file_urls_directory_and_pattern_stand_for_its_files(tmp_path):
    for name in ("b.log", "a.log", "sub/c.log"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(TEXT)
    assert names(expand_sources([f"file://{tmp_path}"])) == [
        f"file://{tmp_path}/{n}" for n in ("a.log", "b.log", "sub/c.log")
    ]
    assert names(expand_sources([f"file://{tmp_path}/*.log"])) == [f"file://{tmp_path}/{n}" for n in ("a.log", "b.log")]
    assert problems(expand_sources([f"file://{tmp_path}/gone"])) == [
        (f"file://{tmp_path}/gone", "no such file or directory")
    ]


@pytest.fixture
def zipped(memory):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("a.log", TEXT)
        archive.writestr("b.log", TEXT)
    memory.pipe("/logs.zip", content.getvalue())


def test_a_file_in_an_archive_in_a_store_is_read(zipped):
    url = "zip://a.log::memory://logs.zip"
    assert names(expand_sources([url])) == [url]
    assert scanned(url)[0] == WHOLE


@pytest.mark.parametrize("url", ["zip://*.log::memory://logs.zip", "zip://::memory://logs.zip"])
def test_the_files_in_an_archive_in_a_store_are_found_and_read(url, zipped):
    found = names(expand_sources([url]))
    assert len(found) == 2
    assert [scanned(name)[0] for name in found] == [WHOLE, WHOLE]


@pytest.mark.parametrize("url", ["simplecache::memory://logs/*.log", "simplecache::memory://logs"])
def test_what_a_cache_finds_in_a_store_is_called_by_what_it_is(url, memory):
    memory.pipe("/logs/a.log", TEXT)
    (found,) = names(expand_sources([url]))
    assert found.endswith("memory:///logs/a.log")
    assert scanned(found)[0] == WHOLE


def test_an_unknown_store_is_a_problem():
    assert problems(expand_sources(["nope://bucket/app.log?sig=SECRET"])) == [
        ("nope://bucket/app.log", "Protocol not known: nope")
    ]


# HTTP


class Handler(SimpleHTTPRequestHandler):
    """A server without ranges."""

    def log_message(self, *_):
        pass


class RangeHandler(Handler):
    """A server that sends the requested range, and reports versions of its objects."""

    def do_GET(self):
        begin, _, end = self.headers.get("Range", "").removeprefix("bytes=").partition("-")
        path = self.translate_path(self.path)
        try:
            with open(path, "rb") as file:  # noqa: PTH123  # as the class above does
                content = file.read()
        except OSError:
            self.send_error(404)
            return
        first, last = int(begin or 0), min(int(end or len(content)), len(content) - 1)
        self.send_response(206 if begin else 200)
        self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
        self.send_header("Content-Length", str(last + 1 - first))
        self.send_header("ETag", f'"{len(content)}"')
        self.end_headers()
        self.wfile.write(content[first : last + 1])

    def end_headers(self):
        self.send_header("Accept-Ranges", "bytes")
        super().end_headers()


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass  # a client that has seen enough goes away


@contextmanager
def serving(directory, handler):
    with Server(("127.0.0.1", 0), lambda *a: handler(*a, directory=str(directory))) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(params=[Handler, RangeHandler])
def host(request, tmp_path):
    (tmp_path / "app.log").write_bytes(TEXT)
    (tmp_path / "app.log.gz").write_bytes(gzip.compress(TEXT))
    (tmp_path / "empty.log").touch()
    (tmp_path / "long.log").write_bytes(b"." * 6_000_000 + TEXT)
    with serving(tmp_path, request.param) as host:
        yield host


@pytest.mark.parametrize("path", ["app.log", "app.log.gz", "app.log?sig=SECRET", "app.log#part"])
def test_an_object_is_read_over_http(path, host):
    url = f"http://{host}/{path}"
    assert names(expand_sources([url])) == [url]
    found, read = scanned(url)
    assert (found, read.complete, read.problem, read.bytes_read) == (WHOLE, True, None, len(TEXT))
    assert read.source == f"http://{host}/{path.partition('?')[0].partition('#')[0]}"


def test_an_empty_object_is_read_over_http(host):
    found, read = scanned(f"http://{host}/empty.log")
    assert (found, read.complete, read.problem, read.bytes_read) == ([], True, None, 0)


def test_a_long_object_is_read_over_http_whether_the_server_knows_ranges_or_not(host):
    found, read = scanned(f"http://{host}/long.log")
    assert (read.problem, read.complete) == (None, True)
    assert found == [(generation_id, 6_000_000 + at) for generation_id, at in WHOLE]


def test_brackets_and_stars_in_a_query_are_no_pattern(host):
    url = f"http://{host}/app.log?fields[]=id&like=*"
    expansion = expand_sources([url])
    assert (names(expansion), problems(expansion)) == ([url], [])
    assert scanned(url)[0] == WHOLE


def test_a_user_and_a_password_are_sent_and_not_shown(tmp_path):
    asked = []

    class Asking(Handler):
        def do_GET(self):
            asked.append(self.headers.get("Authorization"))
            super().do_GET()

    (tmp_path / "app.log").write_bytes(TEXT)
    with serving(tmp_path, Asking) as host:
        found, read = scanned(f"http://user:SECRET@{host}/app.log")
    assert (found, read.source) == (WHOLE, f"http://{host}/app.log")
    assert set(asked) == {"Basic dXNlcjpTRUNSRVQ="}


@pytest.mark.parametrize("handler", [Handler, RangeHandler])
def test_a_missing_object_is_reported_without_the_url(handler, tmp_path):
    with serving(tmp_path, handler) as host:
        found, read = scanned(f"http://user:SECRET@{host}/gone.log?sig=SECRET")
    assert (found, read.complete, read.was_readable) == ([], False, False)
    assert (read.source, read.problem) == (f"http://{host}/gone.log", "no such file or directory")


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
def test_a_server_that_refuses_is_reported_without_the_url(status, tmp_path):
    class Refusing(Handler):
        def do_GET(self):
            self.send_error(status)

        def do_HEAD(self):
            self.send_error(status)

    with serving(tmp_path, Refusing) as host:
        found, read = scanned(f"http://user:SECRET@{host}/app.log?sig=SECRET")
    assert (found, read.complete, read.was_readable) == ([], False, False)
    assert read.problem
    assert "SECRET" not in repr(read)


def test_a_server_that_is_unreachable_is_reported_without_the_url():
    found, read = scanned("http://user:SECRET@127.0.0.1:1/app.log?sig=SECRET")
    assert (found, read.complete, read.was_readable) == ([], False, False)
    assert read.problem
    assert "SECRET" not in repr(read)
    assert "127.0.0.1:1/app.log" not in read.problem


def test_a_server_that_hangs_up_costs_only_what_it_had_not_sent(tmp_path):
    class HangingUp(Handler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", str(len(TEXT) + 5))
            self.end_headers()
            self.wfile.write(TEXT)

    with serving(tmp_path, HangingUp) as host:
        _, read = scanned(f"http://{host}/app.log?sig=SECRET")
    assert (read.complete, bool(read.problem)) == (False, True)
    assert "SECRET" not in repr(read)


# Stores that fail, and those that are not installed


class Stream(io.RawIOBase):
    """Reads so much, and then fails."""

    def __init__(self, store):
        self._store = store
        self._text = io.BytesIO(LONG)

    def readable(self):
        return True

    def seekable(self):
        self._store.fail_at("seekable")
        return True

    def seek(self, *place):
        self._store.fail_at("seek")
        return self._text.seek(*place)

    def readinto(self, view):
        count = self._text.readinto(view)
        if not count:
            self._store.fail_at("read")
        return count

    def __exit__(self, *_):
        self.close()
        self._store.fail_at("close")


class Faulty(fsspec.AbstractFileSystem):
    """A store that raises a given error at a given stage."""

    protocol = "faulty"
    cachable = False
    error = None
    stage = None

    def fail_at(self, stage):
        if self.stage == stage:
            raise self.error.with_traceback(None)  # each is raised many times

    def isfile(self, *_):
        self.fail_at("isfile")
        return True

    def info(self, path, **_):
        self.fail_at("info")
        version = {"ETag": "1"} if self.stage == "ukey" else {}
        return {"name": path, "size": len(LONG) + 1000, "type": "file", **version}

    def ukey(self, path):
        self.fail_at("ukey")
        return path

    def glob(self, *_, **__):
        self.fail_at("glob")
        return []

    def _open(self, *_, **__):
        self.fail_at("open")
        return Stream(self)


LONG = TEXT + b"." * 5000
URL = "faulty://user:SECRET@bucket/app.log?sig=SECRET"
ERRORS = [
    RuntimeError("broken"),
    RuntimeError(f"cannot read {URL}"),
    KeyError("ETag"),
    ValueError("a value"),
    ValueError(f"no value at {URL}"),
    TypeError(),
    NotImplementedError(),
    AssertionError("not so"),
    RecursionError("too deep"),
    MemoryError(),
    StopIteration("early"),
    EOFError(),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
    TimeoutError(),
    ConnectionError(URL),
    PermissionError(URL),
    FileNotFoundError(URL),
    IsADirectoryError(URL),
    OSError(f"cannot read {URL}"),
    PermissionError(13, "Permission denied", URL),
]


@pytest.fixture
def faulty(monkeypatch):
    fsspec.register_implementation("faulty", Faulty, clobber=True)
    monkeypatch.setattr(Faulty, "stage", None)
    monkeypatch.setattr(Faulty, "error", None)
    return Faulty


@pytest.mark.parametrize("error", ERRORS, ids=repr)
@pytest.mark.parametrize("stage", ["isfile", "glob"])
def test_any_error_of_a_store_while_it_lists_objects_is_a_problem(stage, error, faulty):
    faulty.stage, faulty.error = stage, error
    expansion = expand_sources([URL if stage == "isfile" else "faulty://user:SECRET@bucket/*.log", "-"])
    assert names(expansion) == ["-"]
    assert [p.source for p in expansion.problems] == [f"faulty://bucket/{'app' if stage == 'isfile' else '*'}.log"]
    assert expansion.problems[0].problem
    assert "SECRET" not in repr(expansion)


@pytest.mark.parametrize("error", ERRORS, ids=repr)
@pytest.mark.parametrize("stage", ["info", "open", "seekable", "ukey", "seek", "read"])
def test_whatever_a_store_raises_while_it_is_read_is_a_problem_that_costs_nothing_before_it(stage, error, faulty):
    faulty.stage, faulty.error = stage, error
    found, read = scanned(URL)
    assert found == (WHOLE if stage == "read" else [])
    assert (read.source, read.complete, read.was_readable) == ("faulty://bucket/app.log", False, stage == "read")
    assert read.problem
    assert "SECRET" not in repr(read)


@pytest.mark.parametrize("error", ERRORS, ids=repr)
def test_whatever_a_store_raises_when_it_is_done_with_ends_nothing_else(error, faulty):
    faulty.stage, faulty.error = "close", error
    found, read = scanned(URL)
    assert found == WHOLE
    assert "SECRET" not in repr(read)


def test_a_store_that_reports_no_version_is_read_and_not_recognised_again(faulty):
    with remote.open_object(URL) as (_, size, version):
        assert (size, version) == (len(LONG) + 1000, None)
    found, read = scanned(URL)
    assert (found, read.complete) == (WHOLE, True)
    assert read.checkpoint.signature is None


@pytest.mark.parametrize("act", [lambda url: expand_sources([url]), scanned], ids=["found", "read"])
def test_without_fsspec_a_url_is_a_configuration_error_with_a_fix(act, monkeypatch):
    def missing(name):
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr("ingest.sources.remote.import_module", missing)
    with pytest.raises(ConfigurationError) as caught:
        act("s3://user:SECRET@bucket/app.log?sig=SECRET")
    error = caught.value
    assert (error.code, error.what) == (Exit.CONFIGURATION, "'s3://bucket/app.log' cannot be read")
    assert error.cause == "a package is missing: No module named 'fsspec.core'"
    assert 'pip install "orusage[remote]"' in error.fix
    assert "SECRET" not in str(error)


def test_a_store_whose_package_is_missing_is_a_configuration_error_too():
    fsspec.register_implementation("absent", "no_such_package.Store", errtxt="Install absent", clobber=True)
    with pytest.raises(ConfigurationError) as caught:
        expand_sources(["absent://bucket/app.log"])
    assert caught.value.cause == "a package is missing: Install absent"


def test_without_fsspec_everything_else_is_read(monkeypatch, tmp_path):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr("ingest.sources.remote.import_module", missing)
    (tmp_path / "app.log").write_bytes(TEXT)
    assert [scanned(s.name)[0] for s in expand_sources([str(tmp_path)]).sources] == [WHOLE]
