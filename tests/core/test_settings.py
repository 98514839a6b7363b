from dataclasses import FrozenInstanceError
from datetime import timedelta
from ipaddress import ip_address

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.core.base_url import BASE_URL, check_base_url
from ingest.core.errors import ConfigurationError
from ingest.core.settings import EARLIEST, LATEST, Settings


@pytest.mark.parametrize(
    ("url", "checked"),
    [
        (BASE_URL, BASE_URL),
        ("https://openrouter.ai/api/v1/", BASE_URL),
        ("https://openrouter.ai/api/v1///", BASE_URL),
        ("https://proxy.example.com:8443/or", "https://proxy.example.com:8443/or"),
        ("https://[2001:db8::1]/api", "https://[2001:db8::1]/api"),
        ("http://127.0.0.1:8787/api/v1", "http://127.0.0.1:8787/api/v1"),
        ("http://127.8.9.1", "http://127.8.9.1"),
        ("http://localhost:8787", "http://localhost:8787"),
        ("https://example.com./api", "https://example.com./api"),
        (f"https://{'a' * 63}.com", f"https://{'a' * 63}.com"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
        ("https://my_proxy", "https://my_proxy"),
        ("http://[::1]:8787", "http://[::1]:8787"),
    ],
)
def test_https_anywhere_and_http_on_this_machine_are_accepted(url, checked):
    assert check_base_url(url) == checked


@pytest.mark.parametrize(
    "url",
    [
        "http://openrouter.ai/api/v1",
        "http://10.0.0.1/api/v1",
        "http://0.0.0.0:8787",
        "http://[::]:8787",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "http://127.1",
        "http://2130706433",
    ],
)
def test_plain_http_to_another_host_would_show_the_key(url):
    with pytest.raises(ConfigurationError, match="is refused") as caught:
        check_base_url(url)
    assert caught.value.code == 78


@pytest.mark.parametrize(
    "url",
    [
        "",
        "openrouter.ai",
        "openrouter.ai/api/v1",
        "/api/v1",
        "https:",
        "https://",
        "https:///api",
        "https://:8443",
        "ftp://openrouter.ai",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "https://openrouter.ai/api?x=1",
        "https://openrouter.ai/api#x",
        "https://openrouter.ai:port/",
        "https://openrouter.ai:99999/",
        "https://[::1",
        "https://user@openrouter.ai",
        "https://user:secret@openrouter.ai",
        "https://:secret@openrouter.ai",
        "http://127.0.0.1@example.com",
        "http://localhost:80@example.com",
        "https://openrouter.ai/api?",
        "https://openrouter.ai/api#",
        "https://open router.ai",
        " https://openrouter.ai",
        "https://openrouter.ai/api\n",
        "https://openrouter.ai\t/api",
        "https://openrouter.ai/\x1b[31m",
        "https://☃/",
        "https://a..b",
        "https://.a",
        "https://a..",
        "https://..",
        f"https://{'a' * 64}.com",
        f"https://a.{'b' * 64}",
        f"https://{'.'.join(['a' * 60] * 5)}",
        "https://xn--a",
        "https://xn--.com",
        "https://a.xn--99999999.com",
    ],
)
def test_anything_but_a_plain_url_of_host_and_path_is_refused(url):
    with pytest.raises(ConfigurationError) as caught:
        check_base_url(url)
    assert str(caught.value).isascii()
    assert str(caught.value).count("\n") == 2


pieces = st.lists(
    st.one_of(
        st.sampled_from(["https://", "http://", "127.0.0.1", "localhost", "[::1]", "example.com", ":8080", ":", "@"]),
        st.sampled_from(["/", "//", "?", "#", "\\", "%", "%00", "..", "api", " ", "\t", "\n", "\x00", "é", "a"]),
        st.text(max_size=3),
    ),
    max_size=8,
).map("".join)


@given(st.one_of(pieces, pieces.map("https://".__add__), pieces.map("http://127.0.0.1".__add__)))
def test_an_accepted_url_sends_the_key_to_its_own_host_only(url):
    try:
        base = check_base_url(url)
    except ConfigurationError:
        return
    asked = httpx.URL(base + "/generation", params={"id": "gen-1"})
    assert asked.path.endswith("/generation")
    assert (asked.query, asked.userinfo, asked.fragment) == (b"id=gen-1", b"", "")
    assert asked.host
    if asked.scheme != "https":
        assert asked.scheme == "http"
        assert asked.host == "localhost" or ip_address(asked.host).is_loopback


def test_the_defaults_are_those_of_the_contract():
    settings = Settings()
    assert settings.base_url == check_base_url(settings.base_url) == "https://openrouter.ai/api/v1"
    assert (settings.concurrency, settings.timeout, settings.rate) == (256, 30.0, None)
    assert settings.not_found_grace == timedelta(hours=24)
    assert (settings.since, settings.until) == (EARLIEST, LATEST)
    assert (settings.max_time, settings.limit) == (None, None)


def test_settings_cannot_be_changed_in_a_run():
    with pytest.raises(FrozenInstanceError):
        Settings().rate = 5.0
