"""The limit of open files, in processes whose limit is low."""

import json
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.core import open_files
from ingest.core.open_files import OTHER_FILES, connections_within_limit, raise_limit

CODE = """
import json, resource, sys
soft, hard, wanted = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
from ingest.core.open_files import connections_within_limit, raise_limit
print(json.dumps([raise_limit(wanted), resource.getrlimit(resource.RLIMIT_NOFILE), connections_within_limit(wanted)]))
"""


@pytest.mark.parametrize(
    ("soft", "hard", "wanted", "limit", "connections"),
    [
        (64, 64, 256, 64, 64 - OTHER_FILES),
        (64, 4096, 256, 256 + OTHER_FILES, 256),
        (64, 128, 256, 128, 128 - OTHER_FILES),
        (1024, 4096, 256, 1024, 256),
        (24, 24, 256, 24, 1),
        (64, 64, 8, 64, 8),
    ],
)
def test_the_soft_limit_is_raised_as_far_as_needed_and_permitted(soft, hard, wanted, limit, connections):
    command = [sys.executable, "-c", CODE, *map(str, (soft, hard, wanted))]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(done.stdout) == [limit, [limit, hard], connections]


@settings(max_examples=200)
@given(st.integers(1, 5000) | st.just(-1), st.integers(0, 5000) | st.just(-1), st.integers(1, 1024), st.booleans())
def test_a_limit_is_never_lowered_nor_asked_beyond_the_hard_one(soft, more, wanted, refuses):
    hard = -1 if -1 in (soft, more) else soft + more
    limits = [(soft, hard)]

    def setrlimit(_, pair):
        if refuses:
            raise ValueError("not permitted")
        limits.append(pair)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(open_files.resource, "RLIM_INFINITY", -1)
        patch.setattr(open_files.resource, "getrlimit", lambda _: limits[-1])
        patch.setattr(open_files.resource, "setrlimit", setrlimit)
        assert raise_limit(wanted) == limits[-1][0]
        connections = connections_within_limit(wanted)
    assert limits[-1][1] == hard
    assert limits[-1][0] == -1 or limits[-1][0] >= soft
    assert 1 <= connections <= wanted
    assert connections == 1 or limits[-1][0] == -1 or connections + OTHER_FILES <= limits[-1][0]
