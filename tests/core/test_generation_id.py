"""The forms of a generation ID and the time it contains."""

import string
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.core.generation_id import LONGEST, WRITTEN, is_ahead, is_generation_id, latest, second_of

SECOND = 1753485462
TAIL = "AbCdEfGhIj0123456789"
TAGS = ("", "emb-", "stt-", "tts-", "img-", "vid-", "dec-", "rerank-", "batch-")

alphanumerics = string.ascii_letters + string.digits
tails = st.text(alphanumerics, min_size=20, max_size=20)
tags = st.one_of(st.sampled_from(TAGS), st.from_regex(r"[a-z][a-z0-9]{0,15}-", fullmatch=True)).filter(
    lambda tag: tag != "gen-"
)
seconds = st.integers(10**9, 10**10 - 1)


@given(tags, seconds, tails)
def test_every_id_of_the_current_form_is_found_with_its_time(tag, second, tail):
    generation_id = f"gen-{tag}{second}-{tail}"
    assert is_generation_id(generation_id)
    assert second_of(generation_id) == datetime.fromtimestamp(second, UTC)
    assert len(generation_id) <= LONGEST


@given(st.sampled_from((24, 28)).flatmap(lambda size: st.text(alphanumerics, min_size=size, max_size=size)))
def test_a_legacy_id_has_mixed_case_and_no_time(tail):
    is_mixed = any(c.islower() for c in tail) and any(c.isupper() for c in tail)
    assert is_generation_id(f"gen-{tail}") is is_mixed
    assert second_of(f"gen-{tail}") is None


@given(
    st.integers(1, 40).filter(lambda size: size not in {24, 28}).map(lambda size: ("aB3" * 14)[:size]),
)
def test_a_legacy_id_has_24_or_28_characters(tail):
    assert not is_generation_id(f"gen-{tail}")


@pytest.mark.parametrize("tag", TAGS)
def test_every_tag_seen_live_is_known(tag):
    assert is_generation_id(f"gen-{tag}{SECOND}-{TAIL}")
    assert second_of(f"gen-{tag}{SECOND}-{TAIL}") == datetime(2025, 7, 25, 23, 17, 42, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "gen-",
        "gen-ai",
        "gen-alpha",
        "gen-mapping",
        "gen-abc123",
        "gen-1234567890",
        "gen-1753485462694-pfqdjg",
        "imagen-1739819876160",
        "gen-xxxxxxxxxxxxxxxxxxxxxxxx",
        "gen-xxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "gen-507f1f77bcf86cd799439011",
        "gen-507F1F77BCF86CD799439011",
        "gen-550e8400-e29b-41d4-a716-446655440000",
        f"GEN-{SECOND}-{TAIL}",
        f"Gen-{SECOND}-{TAIL}",
        f"gen_{SECOND}-{TAIL}",
        f"gen-{SECOND}_{TAIL}",
        f"gen-{SECOND}0-{TAIL}",
        f"gen-{SECOND // 10}-{TAIL}",
        f"gen-{SECOND}-{TAIL}x",
        f"gen-{SECOND}-{TAIL[1:]}",
        f"gen-{SECOND}-{TAIL[1:]}ä",
        f"gen-{SECOND}-{TAIL[1:]}_",
        f"gen-EMB-{SECOND}-{TAIL}",
        f"gen-1emb-{SECOND}-{TAIL}",
        f"gen--{SECOND}-{TAIL}",
        f"gen-gen-{SECOND}-{TAIL}",
        f"gen-aaaaaaaaaaaaaaaaa-{SECOND}-{TAIL}",
        f" gen-{SECOND}-{TAIL}",
        f"gen-{SECOND}-{TAIL} ",
        f"gen-{SECOND}-{TAIL}\n",
        f"gen-{SECOND}-{TAIL}-",
        f"xgen-{SECOND}-{TAIL}",
        f"gen-١٧٥٣٤٨٥٤٦٢-{TAIL}",  # digits, but not ASCII ones
    ],
)
def test_a_look_alike_is_not_an_id(text):
    assert not is_generation_id(text)


@given(st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001  # given there
def test_an_id_may_be_ten_years_ahead_of_the_clock_and_of_this_version(now):
    assert latest(now) == max(now, WRITTEN) + timedelta(days=3653)
    assert latest(now).timestamp() < 10**10


@given(
    st.datetimes(datetime(1970, 1, 1), datetime(2036, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  # given there
    st.timedeltas(timedelta(0), timedelta(days=3653)),
)
def test_a_clock_that_is_behind_rejects_no_id_of_today(now, behind):
    assert now <= latest(now - behind if now - behind > datetime(1970, 1, 1, tzinfo=UTC) else now)


@given(st.integers(-(10**8), 10**8))
def test_an_id_lies_in_the_future_if_it_is_more_than_a_day_ahead(seconds):
    now = datetime.fromtimestamp(SECOND, UTC)
    assert is_ahead(f"gen-{SECOND + seconds}-{TAIL}", now) is (seconds > 86_400)
    assert not is_ahead("gen-aBcDeFgHiJkLmNoPqRsTuVwX", now)
