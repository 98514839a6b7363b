"""Log lines around a generation ID, and bytes that are almost such lines."""

from datetime import UTC, datetime

from hypothesis import strategies as st

SECOND = 1753485462
ID = f"gen-{SECOND}-AbCdEfGhIj0123456789"
OTHER = f"gen-{SECOND}-0123456789AbCdEfGhIj"
LEGACY = "gen-aBcDeFgHiJkLmNoPqRsTuVwX"
REQUESTED_AT = datetime(2025, 7, 25, 23, 17, 42, tzinfo=UTC)

PIECES = st.sampled_from([
    *(b"2025-07-25", b"T", b" ", b"23:17:43", b"24:60:61", b".123456789", b",1", b"Z", b"+0200", b"-99:99", b" UTC"),
    *(b"25/Jul/2025:23:17:43 +0000", b"99/Abc/2099:99:99:99 +9999", b'"ts":', b'"time": "', b"1753485463", b"999"),
    *(b"{", b"}", b"[", b'"', b"\\", b"\\ud800", b"\\u0000", b":", b",", b"=", b"a", b"a.b", b'"a"', b'"b":', b"\xff"),
    *(b"null", b"1e999", b"-0", b"NaN", b"1" * 40, b'{"a":', b'{\\"a\\":', b'a="', b"b=", b"\n", b"\x00", ID.encode()),
])  # fmt: skip
ANY_LINE = st.binary(max_size=60) | st.lists(PIECES | st.binary(max_size=3), max_size=16).map(b"".join)
