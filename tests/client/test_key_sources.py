"""Key files and key commands that are odd: named, bounded, and never repeated."""

import os
import shlex
import sys
import threading
from pathlib import Path

import pytest

from ingest.client import key_sources
from ingest.client.credentials import load_key
from ingest.client.key_sources import output_of, read_key_file, shown_path
from ingest.client.key_text import LARGEST
from ingest.core.errors import KeyRefusedError

KEY = "sk-or-v1-0123456789abcdef0123456789abcdef"


def python(code):
    return shlex.join([sys.executable, "-c", code])


def refusal(function, argument):
    with pytest.raises(KeyRefusedError) as caught:
        function(argument)
    assert KEY not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("name", [KEY, f"./{KEY}", f"/run/{KEY}", "0123456789abcdef0123456789abcdef", "sk-short"])
def test_a_key_given_as_its_own_file_is_not_shown(name, monkeypatch):
    error = refusal(read_key_file, Path(name))
    assert Path(name).name not in str(error)
    assert "--api-key-file" in error.what


def test_a_file_that_is_one_is_shown(tmp_path):
    assert str(tmp_path / "key") in refusal(read_key_file, tmp_path / "key").what
    assert shown_path(Path("key.txt")) == "key.txt"


@pytest.mark.parametrize(("device", "cause"), [("/dev/zero", "device"), ("/dev/null", "device"), ("/", "directory")])
def test_a_device_is_named_and_never_read(device, cause):
    assert cause in refusal(read_key_file, Path(device)).cause


def test_a_large_file_is_refused_after_its_first_part(tmp_path):
    (tmp_path / "key").write_bytes(b"x" * 10**6)
    assert len(read_key_file(tmp_path / "key")) < 2 * LARGEST
    assert "larger than 64 KiB" in refusal(load_key, tmp_path / "key").cause


def test_a_pipe_is_read_if_somebody_writes_to_it(tmp_path):
    os.mkfifo(tmp_path / "pipe", 0o600)
    assert "holds no key" in refusal(load_key, tmp_path / "pipe").cause  # nobody writes
    reader, writer = os.pipe()  # as <(…) of a shell
    thread = threading.Thread(target=lambda: (os.write(writer, KEY.encode()), os.close(writer)))
    thread.start()
    assert load_key(Path(f"/dev/fd/{reader}")).reveal() == KEY
    thread.join()
    os.close(reader)


def test_a_pipe_whose_writer_is_silent_is_given_up(monkeypatch):
    monkeypatch.setattr(key_sources, "WAIT", 0.01)
    reader, writer = os.pipe()
    assert "nothing was written" in refusal(read_key_file, Path(f"/dev/fd/{reader}")).cause
    os.close(reader)
    os.close(writer)


@pytest.mark.parametrize("code", [1, 2, 3, 44, 127, 255])
def test_the_exit_code_of_the_command_is_told(code):
    error = refusal(output_of, python(f"import sys; print({KEY!r}); print({KEY!r}, file=sys.stderr); sys.exit({code})"))
    assert f"exit code {code} " in error.cause


def test_the_signal_that_ended_the_command_is_told():
    assert "SIGTERM" in refusal(output_of, python("import os; os.kill(os.getpid(), 15)")).cause


@pytest.mark.parametrize(
    ("command", "cause"),
    [
        (KEY, "no program of this name"),
        (f"'{KEY}", "quotes are not closed"),
        ("", "empty"),
        ("/", "Permission denied"),
        (f"{KEY}\0", "cannot be run"),
    ],
)
def test_why_the_command_could_not_be_run_is_told(command, cause):
    assert cause in refusal(output_of, command).cause


def test_a_command_that_does_not_end_is_ended(monkeypatch):
    monkeypatch.setattr(key_sources, "WAIT", 0.2)
    assert "did not end" in refusal(output_of, "sleep 60").cause
    assert "did not end" in refusal(output_of, python("import os, time; os.close(1); time.sleep(60)")).cause


def test_a_command_that_prints_for_ever_is_ended():
    assert len(output_of("yes")) < 2 * LARGEST
    with pytest.raises(KeyRefusedError, match="larger than"):
        load_key(command="yes")


def test_a_command_may_print_an_env_file(tmp_path):
    (tmp_path / ".env").write_text(f"# mine\nexport OPENROUTER_API_KEY='{KEY}'\r\n")
    assert load_key(command=f"cat {tmp_path / '.env'}").reveal() == KEY
