"""Opening sources with care: what ends is read as far as it goes, and what never would is refused."""

import errno
import io
import os
import socket
import stat
import subprocess
import sys
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.sources.open_file import KernelFileReader, OpenSource, SparseReader, open_source
from ingest.sources.readers import HEAD, LONGEST_MAGIC, ErrorCapturingReader, PeekableReader

TODAY = "gen-1753485462-AbCdEfGhIj0123456789"

PATIENCE = 20
"""Seconds after which what should have ended hangs."""


def read(readable, *, view: int = 64 * 1024) -> bytes:
    buffer, pieces = memoryview(bytearray(view)), []
    while count := readable.readinto(buffer):
        pieces.append(bytes(buffer[:count]))
    return b"".join(pieces)


def at(path, *, seconds: float = 0) -> datetime:
    """So long after a file changed."""
    facts = path.stat()
    changed = max(facts.st_mtime_ns, facts.st_ctime_ns)
    return datetime.fromtimestamp(changed / 1e9, UTC) + timedelta(seconds=seconds)


def later() -> datetime:
    return datetime.now(UTC) + timedelta(hours=1)


def content_of(name) -> bytes:
    with open_source(str(name), later()) as file:
        return read(file)


def open_files() -> int:
    return len(list(Path("/dev/fd").iterdir()))


def in_time(function, *arguments):
    """What a function returns or raises; it fails if it hangs."""
    outcome = []

    def call():
        try:
            outcome.append((function(*arguments), None))
        except BaseException as error:  # noqa: BLE001  # whoever asked for it raises it
            outcome.append((None, error))

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    assert outcome, "it hangs"
    result, error = outcome[0]
    if error:
        raise error
    return result


# Regular files


@pytest.mark.parametrize("length", [1, 5, HEAD - 1, HEAD, HEAD + 1, 3 * HEAD, 300_000])
def test_a_file_has_a_size_a_head_and_a_name_of_its_own(length, tmp_path):
    content = bytes(n % 251 for n in range(length))
    path = tmp_path / "app.log"
    path.write_bytes(content)
    facts = path.stat()
    with open_source(str(path), later()) as file:
        assert (file.size, file.head) == (length, content[:HEAD])
        assert file.file == f"{facts.st_dev}:{facts.st_ino}"
        assert file.signature
        assert read(file) == content
        assert read(file) == b""


@pytest.mark.parametrize("position", [0, 1, HEAD - 1, HEAD, 9_999, 10_000])
def test_a_file_can_be_read_on_from_any_byte_before_and_after_it_was_read(position, tmp_path):
    content = bytes(n % 251 for n in range(10_000))
    path = tmp_path / "app.log"
    path.write_bytes(content)
    with open_source(str(path), later()) as file:
        for _ in range(2):
            file.seek(position)
            assert read(file, view=700) == content[position:]


def test_what_is_appended_after_opening_is_not_read(tmp_path):
    path = tmp_path / "app.log"
    path.write_bytes(b"before" * 2000)
    with open_source(str(path), later()) as file, path.open("ab") as more:
        more.write(b"after" * 2000)
        more.flush()
        assert read(file) == b"before" * 2000
        file.seek(6)
        assert read(file) == b"before" * 1999


def test_a_short_file_that_grows_while_it_is_opened_shows_its_head_only(tmp_path):
    path = tmp_path / "app.log"
    path.write_bytes(b"before after")
    with path.open("rb", buffering=0) as stream:
        file = OpenSource(stream, 6, None, None)
        assert (file.head, read(file)) == (b"before", b"before")


@pytest.mark.parametrize("left", [0, 1, HEAD, 50_000])
def test_a_file_that_shrinks_while_it_is_read_ends_where_it_ends(left, tmp_path):
    path = tmp_path / "app.log"
    path.write_bytes(b"x" * 100_000)
    with open_source(str(path), later()) as file:
        os.truncate(path, left)
        assert read(file) == b"x" * left


def test_a_file_that_is_replaced_or_removed_while_it_is_read_is_read_as_it_was(tmp_path):
    path = tmp_path / "app.log"
    path.write_bytes(b"old")
    with open_source(str(path), later()) as file:
        (tmp_path / "new.log").write_bytes(b"new")
        (tmp_path / "new.log").replace(path)
        assert read(file) == b"old"
        path.unlink()
        file.seek(0)
        assert read(file) == b"old"


def test_an_empty_file_ends_at_once_and_has_no_name_to_be_known_by(tmp_path):
    path = tmp_path / "empty.log"
    path.touch()
    with open_source(str(path), later()) as file:
        assert (file.size, file.file, file.signature, file.head, read(file)) == (None, None, None, b"", b"")


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="there is no /proc")
def test_a_file_of_proc_has_content_though_it_has_no_size():
    assert content_of("/proc/self/stat").startswith(str(os.getpid()).encode())


def test_a_link_leads_to_the_file_itself(tmp_path):
    (tmp_path / "app.log").write_bytes(b"text")
    (tmp_path / "link.log").symlink_to("app.log")
    with (
        open_source(str(tmp_path / "app.log"), later()) as file,
        open_source(str(tmp_path / "link.log"), later()) as link,
    ):
        assert (link.file, link.signature, link.size) == (file.file, file.signature, 4)
        assert read(link) == b"text"


@pytest.mark.parametrize("name", [b"with\nnewline", b"with \x1b[31m escape", b"undecodable \xff\xfe", b" ", b"-"])
def test_any_name_that_a_file_can_have_is_opened(name, tmp_path):
    path = os.fsdecode(os.fsencode(tmp_path) + b"/" + name)
    try:
        Path(path).write_bytes(b"text")
    except OSError:
        pytest.skip("no file can have this name here")
    assert content_of(path) == b"text"


def test_a_source_is_always_closed(tmp_path):
    path = tmp_path / "app.log"
    path.write_bytes(b"text")
    before = open_files()
    for _ in range(3):
        with pytest.raises(KeyError), open_source(str(path), later()):
            raise KeyError
    assert open_files() == before


# Signatures


def signature(path, now: datetime | None = None):
    with open_source(str(path), now or later()) as file:
        return file.signature


def change(path, act):
    """Do it until the file's times show it: a clock of files may tick slowly."""
    before = path.stat()
    for _ in range(1_000_000):
        act()
        if path.stat().st_ctime_ns != before.st_ctime_ns:
            return
    pytest.fail("the file's time never changed")


def test_an_unchanged_file_keeps_its_signature(tmp_path):
    path = tmp_path / "app.log"
    path.write_bytes(b"text")
    first = signature(path)
    path.read_bytes()
    assert signature(path) == first is not None


@pytest.mark.parametrize(("seconds", "is_settled"), [(-3600, False), (0, False), (1.9, False), (2.1, True), (60, True)])
def test_a_file_that_changed_within_two_seconds_has_no_signature(seconds, is_settled, tmp_path):
    path = tmp_path / "app.log"
    path.write_bytes(b"text")
    assert (signature(path, at(path, seconds=seconds)) is not None) is is_settled


@pytest.mark.parametrize("age", [timedelta(days=365), timedelta(days=-365)])
def test_times_that_were_set_hide_no_change_just_made(age, tmp_path):
    path = tmp_path / "app.log"
    path.write_bytes(b"text")
    set_to = (datetime.now(UTC) - age).timestamp()
    os.utime(path, (set_to, set_to))
    assert signature(path, datetime.now(UTC)) is None


CHANGES = {
    "append": lambda path: path.open("ab").close() or path.write_bytes(path.read_bytes() + b"more"),
    "rewrite": lambda path: path.write_bytes(b"TEXT"),
    "truncate": lambda path: os.truncate(path, 2),
    "chmod": lambda path: path.chmod(path.stat().st_mode ^ stat.S_IXUSR),
    "touch": os.utime,
    "link": lambda path: os.link(path, path.with_name(f"link-{len(list(path.parent.iterdir()))}")),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_a_file_that_changed_in_any_way_has_another_signature(kind, tmp_path):
    path = tmp_path / "app.log"
    path.write_bytes(b"text")
    first = signature(path)
    change(path, lambda: CHANGES[kind](path))
    assert signature(path) not in {None, first}


def test_a_rewrite_that_sets_the_time_back_has_another_signature(tmp_path):
    path = tmp_path / "app.log"
    path.write_bytes(b"text")
    facts, first = path.stat(), signature(path)

    def rewrite():
        path.write_bytes(b"TEXT")
        os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))

    change(path, rewrite)
    assert path.stat().st_mtime_ns == facts.st_mtime_ns
    assert signature(path) not in {None, first}


def test_another_file_in_its_place_has_another_name_and_signature_and_the_moved_one_keeps_its_name(tmp_path):
    path, rotated, new = tmp_path / "app.log", tmp_path / "app.log.1", tmp_path / "new"
    path.write_bytes(b"text")
    with open_source(str(path), later()) as file:
        first = file
    path.rename(rotated)
    new.write_bytes(b"text")
    new.rename(path)
    with open_source(str(path), later()) as replaced, open_source(str(rotated), later()) as moved:
        assert replaced.file != first.file
        assert replaced.signature not in {None, first.signature}
        assert moved.file == first.file


# What cannot be opened


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("gone", "No such file or directory"),
        ("folder", "Is a directory"),
        ("loop", "Too many levels of symbolic links"),
        ("dangling", "No such file or directory"),
        ("file/below", "Not a directory"),
        ("x" * 300, "File name too long"),
    ],
)
def test_what_is_no_file_says_so(name, problem, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("pool")
    (tmp_path / "pool").symlink_to("loop")
    (tmp_path / "dangling").symlink_to("nowhere")
    with pytest.raises(OSError, match=problem) as caught, open_source(str(tmp_path / name), later()):
        pytest.fail("it was opened")
    assert caught.value.strerror == problem


def test_a_directory_that_cannot_be_read_leaves_nothing_open(tmp_path):
    before = open_files()
    for _ in range(3):
        with pytest.raises(IsADirectoryError), open_source(str(tmp_path), later()):
            pytest.fail("it was opened")
    assert open_files() == before


def test_a_name_with_a_nul_is_a_value_error():
    with pytest.raises(ValueError, match="null"), open_source("a\0b", later()):
        pytest.fail("it was opened")


def test_a_socket_is_called_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a socket's name must be short
    with closing(socket.socket(socket.AF_UNIX)) as listening:
        listening.bind("socket")
        listening.listen()
        with pytest.raises(OSError, match="a socket, not a file") as caught, open_source("socket", later()):
            pytest.fail("it was opened")
    assert caught.value.strerror == "a socket, not a file"


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/urandom", "/dev/full"])
def test_a_device_that_never_ends_is_refused(device):
    if not Path(device).exists():
        pytest.skip("there is no such device")
    with pytest.raises(OSError, match="a device, not a file") as caught, open_source(device, later()):
        pytest.fail("it was opened")
    assert caught.value.strerror == "a device, not a file"


def test_dev_null_is_an_empty_source():
    with open_source(os.devnull, later()) as file:
        assert (file.size, file.file, file.signature, read(file)) == (None, None, None, b"")


def test_a_terminal_is_read_until_its_user_ends_it():
    master, terminal = os.openpty()
    try:
        os.write(master, b"typed\n\x04\x04")
        assert in_time(content_of, os.ttyname(terminal)) == b"typed\n"
    finally:
        os.close(terminal)
        os.close(master)


# FIFOs


@pytest.fixture
def fifo(tmp_path):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path


def test_a_fifo_without_a_writer_is_reported_and_does_not_hang(fifo):
    with pytest.raises(OSError, match="a FIFO that nobody writes to") as caught:
        in_time(content_of, fifo)
    assert caught.value.strerror == "a FIFO that nobody writes to"


def test_a_link_to_a_fifo_without_a_writer_does_not_hang_either(fifo, tmp_path):
    (tmp_path / "link").symlink_to(fifo)
    with pytest.raises(OSError, match="a FIFO that nobody writes to"):
        in_time(content_of, tmp_path / "link")


@pytest.mark.parametrize("length", [LONGEST_MAGIC, HEAD - 1, HEAD, HEAD + 1, 50_000])
def test_what_stands_in_a_fifo_already_is_read(length, fifo):
    content = bytes(n % 251 for n in range(length))
    writer = os.open(fifo, os.O_RDWR)  # which waits for nobody
    os.write(writer, content)

    def read_it():
        with open_source(str(fifo), later()) as file:
            os.close(writer)
            assert (file.size, file.file, file.signature) == (None, None, None)
            return read(file)

    assert in_time(read_it) == content


def test_a_fifo_is_waited_for_as_long_as_it_has_a_writer(fifo):
    writer = os.open(fifo, os.O_RDWR)
    parts = [b"a", b"bc", b"d" * 100_000, b"e"]

    def write():
        with os.fdopen(writer, "wb", buffering=0) as stream:
            for part in parts:
                stream.write(part)

    thread = threading.Timer(0.1, write)
    thread.start()
    assert in_time(content_of, fifo) == b"".join(parts)
    thread.join()


READ = """
import sys
from datetime import datetime, timezone
from ingest.sources.open_file import open_source
for name in sys.argv[1:]:
    with open_source(name, datetime.now(timezone.utc)) as file:
        buffer = memoryview(bytearray(1000))
        while count := file.readinto(buffer):
            sys.stdout.buffer.write(buffer[:count])
"""


@pytest.mark.parametrize(
    ("substituted", "output"),
    [
        ("<(echo one)", b"one\n"),
        ("<(echo one) <(echo two)", b"one\ntwo\n"),
        ("<(:)", b""),
        ("<(:) <(echo two)", b"two\n"),
        ("<(sleep 0.2; echo late)", b"late\n"),
        ("<(printf a; sleep 0.1; printf b)", b"ab"),
        ("<(head -c 300000 /dev/zero)", bytes(300_000)),
    ],
)
def test_what_a_shell_substitutes_for_a_process_is_read(substituted, output):
    command = ["bash", "-c", f'"$0" -c "$1" {substituted}', sys.executable, READ]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert (done.stdout, done.stderr.decode(), done.returncode) == (output, "", 0)


# Standard input


@pytest.mark.parametrize("content", [b"", b"one\n", b"x" * 100_000])
def test_standard_input_is_read_to_its_end_and_has_no_size(content, tmp_path, monkeypatch):
    path = tmp_path / "stdin"
    path.write_bytes(content)
    with path.open(encoding="utf-8") as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        with open_source("-", later()) as file:
            assert (file.size, file.file, file.signature) == (None, None, None)
            assert read(file) == content
        assert not stdin.closed


def test_standard_input_that_never_ends_is_refused(monkeypatch):
    with Path("/dev/zero").open(encoding="utf-8") as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        with pytest.raises(OSError, match="a device, not a file") as caught, open_source("-", later()):
            pytest.fail("it was opened")
    assert caught.value.strerror == "a device, not a file"


def test_standard_input_that_is_null_is_empty(monkeypatch):
    with Path(os.devnull).open(encoding="utf-8") as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        assert content_of("-") == b""


def test_what_a_pipe_holds_is_read_while_its_writer_is_still_there(monkeypatch):
    reading, writing = os.pipe()
    with io.TextIOWrapper(os.fdopen(reading, "rb")) as stdin, os.fdopen(writing, "wb", buffering=0) as pipe:
        monkeypatch.setattr("sys.stdin", stdin)
        pipe.write(b"one line\n")
        buffer = memoryview(bytearray(1000))
        with open_source("-", later()) as file:
            assert bytes(buffer[: in_time(file.readinto, buffer)]) == b"one line\n"
            pipe.write(b"and more\n")
            assert bytes(buffer[: in_time(file.readinto, buffer)]) == b"and more\n"
            pipe.close()
            assert in_time(read, file) == b""


def test_a_pipe_that_does_not_block_is_not_at_its_end_while_it_is_empty(monkeypatch):
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    with io.TextIOWrapper(os.fdopen(reading, "rb")) as stdin, os.fdopen(writing, "wb", buffering=0) as pipe:
        monkeypatch.setattr("sys.stdin", stdin)
        pipe.write(b"one line\n")
        buffer = memoryview(bytearray(1000))
        with open_source("-", later()) as file:
            assert bytes(buffer[: in_time(file.readinto, buffer)]) == b"one line\n"
            thread = threading.Timer(0.1, lambda: (pipe.write(b"and more\n"), pipe.close()))
            thread.start()
            rest = in_time(read, file)
            thread.join()
    assert rest == b"and more\n"


# Heads and errors


class Failing:
    """Reads that come to these bytes or errors, one after the other."""

    def __init__(self, *steps):
        self._steps = list(steps)

    def readinto(self, view):
        step = self._steps.pop(0) if self._steps else b""
        if isinstance(step, Exception):
            raise step
        view[: len(step)] = step
        return len(step)


@given(st.lists(st.binary(min_size=1, max_size=900), max_size=15), st.booleans(), st.integers(1, 5000))
def test_peeking_at_the_head_consumes_nothing(blocks, whole, view):
    text = b"".join(blocks)
    peeked = PeekableReader(io.BytesIO(text) if whole else Failing(*(b[:1] for b in blocks)), whole=whole)
    text = text if whole else b"".join(b[:1] for b in blocks)
    assert text.startswith(peeked.head)
    assert len(peeked.head) == (min(HEAD, len(text)) if whole else min(LONGEST_MAGIC, len(text)))
    assert read(peeked, view=view) == text


def test_the_head_of_a_live_stream_is_what_arrives_first_and_enough_to_recognise_an_archive():
    assert PeekableReader(Failing(b"a first line\n", b"a second\n"), whole=False).head == b"a first line\n"
    assert PeekableReader(Failing(b"\xfd7", b"zX", b"Z\0", b"more"), whole=False).head == b"\xfd7zXZ\0"


def test_an_error_comes_after_what_was_read_before_it():
    for before in ([], [b"some"], [b"some", b" more"]):
        peeked = PeekableReader(Failing(*before, OSError(5, "Input/output error")), whole=True)
        guarded = ErrorCapturingReader(peeked)
        assert read(guarded) == b"".join(before)
        assert (guarded.error.strerror, guarded.readinto(memoryview(bytearray(10)))) == ("Input/output error", 0)


class Disk(Failing):
    """The same of a file, which begins again when it is sought."""

    def __init__(self, *steps):
        super().__init__(*steps)
        self._all = steps

    def seek(self, _):
        self._steps = list(self._all)


def test_an_error_in_a_files_head_costs_nothing_before_it():
    guarded = ErrorCapturingReader(
        OpenSource(Disk(b"some", b" more", OSError(5, "Input/output error")), 1000, None, None)
    )
    assert read(guarded) == b"some more"
    assert guarded.error.strerror == "Input/output error"


def test_reading_ends_for_good_where_it_fails():
    guarded = ErrorCapturingReader(Failing(b"one", RuntimeError("broken"), b"two"))
    assert read(guarded) == b"one"
    assert read(guarded) == b""
    assert str(guarded.error) == "broken"
    assert ErrorCapturingReader(Failing(b"one")).error is None


# Files that the kernel makes, and files with holes

EXTRACTED = """
import sys
from ingest.__main__ import main
sys.argv = ["orusage", "extract", *sys.argv[1:]]
sys.exit(main())
"""


def extracted(*sources, seconds=60):
    """What `orusage extract` prints, if it ends in this time."""
    command = [sys.executable, "-c", EXTRACTED, *map(str, sources)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=seconds, check=False, stdin=subprocess.DEVNULL
    )


linux = pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
KERNEL_FILES = ["/proc/kmsg", "/proc/kcore", "/proc/self/mem", "/proc/self/environ", "/sys/kernel/notes", "/proc/stat"]


@linux
@pytest.mark.parametrize("target", [t for t in KERNEL_FILES if Path(t).is_file()])
def test_a_link_in_a_directory_to_a_file_that_the_kernel_makes_is_named_and_not_opened(target, tmp_path):
    (tmp_path / "kernel.log").symlink_to(target)
    (tmp_path / "app.log").write_text(f"{TODAY}\n")
    done = extracted(tmp_path)
    assert (done.returncode, done.stdout.split()[0]) == (3, TODAY)
    assert done.stderr == f"{tmp_path}/kernel.log: a file that the kernel makes, not a log\n"


@linux
def test_special_files_in_a_directory_are_never_waited_for(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for number, target in enumerate(("/dev/zero", "/dev/kmsg", "/dev/random", "/proc/self/fd", "fifo", "/dev/tty")):
        (tmp_path / f"{number}.log").symlink_to(target)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        (tmp_path / "app.log").write_text(f"{TODAY}\n")
        writer = os.open(tmp_path / "fifo", os.O_RDWR)  # so that a reader would wait
        done = extracted(tmp_path)
        os.close(writer)
    assert done.stdout.split()[0] == TODAY


@linux
def test_a_file_that_claims_to_be_larger_than_memory_is_refused_even_if_it_is_named(tmp_path, monkeypatch):
    path = tmp_path / "kcore"
    with path.open("wb") as file:
        file.truncate(2**40)
    monkeypatch.setattr("ingest.sources.open_file.kernel_file_systems", lambda: {path.stat().st_dev})
    with pytest.raises(OSError, match="a file that the kernel makes"), open_source(str(path), later()):
        pass


def test_a_file_without_a_size_is_read_as_far_as_it_need_not_be_waited_for():
    parts = [b"some", b"thing", None]

    class Waiting(io.RawIOBase):
        def readinto(self, view):
            part = parts.pop(0)
            if part is not None:
                view[: len(part)] = part
            return part and len(part)

    source = OpenSource(KernelFileReader(Waiting()), None, None, None)
    reader = ErrorCapturingReader(source)
    view = memoryview(bytearray(100))
    read = b""
    while count := reader.readinto(view):
        read += view[:count]
    assert (read, str(reader.error)) == (b"something", f"[Errno {errno.EAGAIN}] a file without an end")


def test_an_empty_file_of_a_directory_need_not_be_opened(tmp_path, monkeypatch):
    (tmp_path / "empty").touch()
    monkeypatch.setattr(os, "open", lambda *_: pytest.fail("it was opened"))
    with open_source(str(tmp_path / "empty"), later(), named=False) as source:
        assert (source.head, source.size) == (b"", None)


@pytest.mark.skipif(not hasattr(os, "SEEK_DATA"), reason="holes cannot be found here")
@given(
    st.lists(st.tuples(st.integers(0, 40), st.binary(min_size=1, max_size=9_000)), max_size=4),
    st.integers(0, 3 * 2**20),
    st.lists(st.integers(0, 2**23), max_size=3),
    st.sampled_from([1_000, 2**16, 2**19]),
)
@settings(max_examples=25, deadline=None)
def test_a_file_with_holes_reads_as_its_bytes_from_any_place(parts, end, places, length):
    with TemporaryDirectory() as folder:
        path = Path(folder, "sparse.log")
        with path.open("wb") as file:
            for hole, data in parts:
                file.seek(hole * 100_000, os.SEEK_CUR)
                file.write(data)
            file.truncate(file.tell() + end)
        content = path.read_bytes()
        with path.open("rb", buffering=0) as file:
            reader, view = SparseReader(file), memoryview(bytearray(length))
            for place in [0, *places]:
                reader.seek(place)
                read = b""
                while count := reader.readinto(view):
                    read += view[:count]
                assert read == content[place:]


@pytest.mark.skipif(not hasattr(os, "SEEK_DATA"), reason="holes cannot be found here")
def test_a_sparse_file_is_read_without_reading_its_holes_from_the_disk(tmp_path):
    """Two gigabytes of holes around two IDs. The zeros that are read are no disk's."""
    path, other = tmp_path / "sparse.log", TODAY.replace("A", "B")
    with path.open("wb") as file:
        file.write(f"{TODAY}\n".encode())
        file.seek(2**31)
        file.write(f"\n{other}\n".encode())
    if path.stat().st_blocks > 1_000:
        pytest.skip("this file system has no holes")
    done = extracted(path, seconds=120)
    assert done.stdout.splitlines() == [f"{TODAY}\t{path}\t0", f"{other}\t{path}\t{2**31 + 1}"]
