# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which URLs are asked, and how a request becomes a part of one."""

from __future__ import annotations

import base64
from urllib.parse import unquote

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.errors import FetchError
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.urls import (
    LONGEST_GET,
    Target,
    parse_url,
    redirected,
    with_request,
)
from hypothesis import given
from hypothesis import strategies as st

#: Its base64 has each of the characters that have to be escaped.
REQUEST = bytes.fromhex("fbeffffb")


@pytest.mark.parametrize(
    ("url", "target", "place"),
    [
        ("http://ocsp.corp.example", Target("http", "ocsp.corp.example", 80, "/"), "ocsp.corp.example"),
        ("HTTPS://OCSP.corp.example/a", Target("https", "ocsp.corp.example", 443, "/a"), "ocsp.corp.example"),
        ("http://a_b:8080/x?y=z#part", Target("http", "a_b", 8080, "/x?y=z"), "a_b:8080"),
        ("http://a?y=z", Target("http", "a", 80, "/?y=z"), "a"),
        ("http://a:/", Target("http", "a", 80, "/"), "a"),
        ("https://a:80/", Target("https", "a", 80, "/"), "a:80"),
        ("http://192.0.2.1/", Target("http", "192.0.2.1", 80, "/"), "192.0.2.1"),
        ("http://[2001:db8::1]:81/", Target("http", "2001:db8::1", 81, "/"), "[2001:db8::1]:81"),
    ],
)
def test_plain_urls_are_read(url: str, target: Target, place: str) -> None:
    assert parse_url(url) == target
    assert target.place == place
    assert parse_url(target.url) == target


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "or none"),
        ("http://a/\r\nX: y", "not printable ASCII"),
        ("http://a/ b", "not printable ASCII"),
        ("http://a/\x1b[1m", "not printable ASCII"),
        ("http://\u00e4.example/", "not printable ASCII"),
        ("http://127.0.0.\uff11/", "not printable ASCII"),
        ("http://a/" + "a" * 2048, "more than 2048"),
        ("ftp://a/", "http or https"),
        ("ldap:///CN=x", "http or https"),
        ("file:///etc/passwd", "http or https"),
        ("//a/", "http or https"),
        ("a", "http or https"),
        ("http://user:secret@a/", "a user at a"),
        ("http://8.8.8.8@127.0.0.1/", "a user at 127.0.0.1"),
        ("http://", "neither"),
        ("http:///x", "neither"),
        ("http://a..b/", "neither"),
        ("http://a./", "neither"),
        ("http://" + "a" * 64 + "/", "neither"),
        ("http://" + ".".join(["a" * 60] * 5) + "/", "neither"),
        ("http://a\\b/", "neither"),
        ("http://a%2eb/", "neither"),
        ("http://127.1/", "neither"),
        ("http://2130706433/", "neither"),
        ("http://0x7f000001/", "neither"),
        ("http://0x7f.0.0.0x1/", "neither"),
        ("http://0177.0.0.1/", "neither"),
        ("http://1.2.3.4.5/", "neither"),
        ("http://[fe80::1%25eth0]/", "neither|cannot be read"),
        ("http://[::1/", "cannot be read"),
        ("http://[a]/", "neither|cannot be read"),
        ("http://[v1.a]/", "neither"),
        ("http://[127.0.0.1]/", "neither|cannot be read"),
        ("http://a:x/", "cannot be read"),
        ("http://a:99999/", "cannot be read"),
    ],
)
def test_other_urls_are_refused(url: str, reason: str) -> None:
    with pytest.raises(FetchError, match=reason) as refused:
        parse_url(url)
    assert not refused.value.transient
    assert "secret" not in str(refused.value)


@given(st.text())
def test_any_text_is_a_url_or_refused(text: str) -> None:
    for url in (text, f"http://{text}", f"http://a/{text}"):
        try:
            target = parse_url(url)
        except FetchError:
            continue
        assert f"{target.url}{target.host}".isascii()
        assert f"{target.url}{target.host}".isprintable()
        assert " " not in target.url


@pytest.mark.parametrize("url", ["http://a", "http://a/", "http://a//"])
def test_a_request_is_appended_after_one_slash(url: str) -> None:
    assert with_request(parse_url(url), REQUEST) == Target("http", "a", 80, "/%2B%2B%2F%2F%2Bw%3D%3D")


def test_a_request_is_appended_to_a_path() -> None:
    asking = with_request(parse_url("http://a/ocsp/b/"), REQUEST)
    assert asking == Target("http", "a", 80, "/ocsp/b/%2B%2B%2F%2F%2Bw%3D%3D")


def test_to_a_query_nothing_is_appended() -> None:
    assert with_request(parse_url("http://a/ocsp?ca=1"), REQUEST) is None


@given(st.binary(min_size=1, max_size=300))
def test_a_url_with_a_request_is_short_and_has_all_of_it(request: bytes) -> None:
    asking = with_request(parse_url("http://a/ocsp"), request)
    if asking is None:
        assert len(base64.b64encode(request)) > (LONGEST_GET - len("http://a/ocsp/")) / 3
    else:
        assert len(asking.url) <= LONGEST_GET
        escaped = asking.path[len("/ocsp/") :]
        assert not set(escaped) & set("+/=")
        assert base64.b64decode(unquote(escaped), validate=True) == request


@pytest.mark.parametrize("spare", [0, 1])
def test_up_to_255_bytes_are_sent_by_get(spare: int) -> None:
    short = with_request(parse_url("http://a/"), b"\0" * 3)
    assert short
    long = parse_url("http://a/" + "b" * (LONGEST_GET - len(short.url) - 1 + spare))
    asking = with_request(long, b"\0" * 3)
    assert (asking is None) == bool(spare)
    assert asking is None or len(asking.url) == LONGEST_GET


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("http://b/x", "http://b/x"),
        ("https://b/x", "https://b/x"),
        ("/x", "http://a:81/x"),
        ("x", "http://a:81/ocsp/x"),
        ("//b", "http://b/"),
        ("?x", "http://a:81/ocsp/y?x"),
    ],
)
def test_redirects_lead_anywhere_in_http(location: str, url: str) -> None:
    assert redirected(parse_url("http://a:81/ocsp/y"), location).url == url


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("", "^a redirects to no URL$"),
        ("http://b/\x1b[2J", "^a redirects to no URL$"),
        ("http://b/\u00e4", "^a redirects to no URL$"),
        ("ftp://b/", "^a redirects, and the URL ftp://b/ is not one of http or https$"),
        ("http://[b", "^a redirects"),
        ("http://c:d@b/", "^a redirects, and the URL names a user"),
        ("http://b/", "^a redirects from https to http$"),
    ],
)
def test_other_redirects_are_refused(location: str, reason: str) -> None:
    with pytest.raises(FetchError, match=reason):
        redirected(parse_url("https://a/"), location)
