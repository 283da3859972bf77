# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names as users write them."""

from __future__ import annotations

import unicodedata

import idna
import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.names import (
    NameKind,
    is_host_name,
    names_of,
    parse_host_name,
    parse_name,
    parse_names,
)
from cryptography import x509
from hypothesis import example, given, settings
from hypothesis import strategies as st

#: Text close to a name, so that many examples get past the first check.
NAME_LIKE = st.one_of(
    st.text(),
    st.text(alphabet="abz0189.-*:@/[]%ü。\uff11xn ", max_size=40),
    st.lists(st.text(alphabet="aü-1", min_size=1, max_size=8), min_size=1, max_size=60).map(".".join),
    st.builds("https://{}/{}".format, st.text(max_size=12), st.text(max_size=12)),
    st.builds("{}@{}".format, st.text(max_size=12), st.text(max_size=12)),
    st.ip_addresses().map(str),
)


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("app.test", NameKind.DNS, "app.test"),
        ("  App.TEST. ", NameKind.DNS, "app.test"),
        ("*.app.test", NameKind.DNS, "*.app.test"),
        ("localhost", NameKind.DNS, "localhost"),
        ("blåbær.test", NameKind.DNS, "xn--blbr-roah.test"),
        ("BLÅBÆR.test", NameKind.DNS, "xn--blbr-roah.test"),
        ("*.blåbær.test", NameKind.DNS, "*.xn--blbr-roah.test"),
        ("xn--blbr-roah.test", NameKind.DNS, "xn--blbr-roah.test"),
        ("bla\u030abær.test", NameKind.DNS, "xn--blbr-roah.test"),
        ("straße.test", NameKind.DNS, "xn--strae-oqa.test"),
        ("*.Straße.test.", NameKind.DNS, "*.xn--strae-oqa.test"),
        ("日本。test", NameKind.DNS, "xn--wgv71a.test"),
        ("*。日本\uff0eapp\uff61test。", NameKind.DNS, "*.xn--wgv71a.app.test"),
        ("a。b.test", NameKind.DNS, "a.b.test"),
        ("βόλος.test", NameKind.DNS, "xn--nxasmm1c.test"),
        ("XN--STRAE-OQA.test", NameKind.DNS, "xn--strae-oqa.test"),
        ("\u0646\u0627\u0645\u0647\u200c\u0627\u06cc.test", NameKind.DNS, "xn--mgba3gch31f060k.test"),
        ("10.0.0.1", NameKind.IP, "10.0.0.1"),
        ("::1", NameKind.IP, "::1"),
        ("FD00:0:0::0001", NameKind.IP, "fd00::1"),
        ("ops@App.test", NameKind.EMAIL, "ops@app.test"),
        ("First.Last+tag@blåbær.test", NameKind.EMAIL, "First.Last+tag@xn--blbr-roah.test"),
        ("ops@日本。test", NameKind.EMAIL, "ops@xn--wgv71a.test"),
        ("https://app.test/path?query=1", NameKind.URI, "https://app.test/path?query=1"),
        ("spiffe://app.test:8443/service", NameKind.URI, "spiffe://app.test:8443/service"),
    ],
)
def test_a_name_has_the_kind_and_the_form_that_a_certificate_holds(text: str, kind: NameKind, value: str) -> None:
    name = parse_name(text)
    assert (name.kind, name.value, str(name)) == (kind, value, value)
    assert isinstance(name.general_name(), x509.GeneralName)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "1 to 253 characters"),
        (".", "1 to 253 characters"),
        ("a." * 125 + "test", "1 to 253 characters"),
        ("ü." * 60 + "test", "1 to 253 characters"),
        ("a..test", "letters, digits and inner hyphens"),
        ("a..", "letters, digits and inner hyphens"),
        ("a" * 64 + ".test", "63 at most"),
        ("ü" * 63 + ".test", "cannot be encoded"),
        ("under_score.test", "letters, digits and inner hyphens"),
        ("-app.test", "letters, digits and inner hyphens"),
        ("two words.test", "letters, digits and inner hyphens"),
        ("app.test/path", "letters, digits and inner hyphens"),
        ("app.*.test", "a wildcard is the whole first label"),
        ("*.*.test", "a wildcard is the whole first label"),
        ("10.0.0.256", "looks like an IP address and is none"),
        ("app.1", "no DNS name ends in a number"),
        ("fe80::1%eth0", "without its zone"),
        ("*.localhost", "*.app.localhost"),
        ("*.test", "covers a whole top-level domain"),
        ("STRAẞE.test", "is ambiguous"),
        ("İ.localhost", "is ambiguous: the label 'İ' has a character that programs take for another one"),
        ("İ.localhost", "write 'xn--i-9bb' for that label"),
        ("\uff41\uff50\uff50.test", "write 'app' for that label"),
        ("of\u00adfice.test", "write 'office' for that label"),
        ("\uff11\uff10。\uff10。\uff10。\uff11", "write '10' for that label"),
        ("☃.test", "cannot be encoded by IDNA 2008 (Codepoint U+2603"),
        ("א1ب٢b.test", "cannot be encoded by IDNA 2008"),
        ("a\u200cb.test", "cannot be encoded by IDNA 2008"),
        ("日本" * 127 + ".test", "1 to 253 characters"),
        ("ab--c.test", "the label 'ab--c' has hyphens in the third and fourth place"),
        ("*.ab--c.test", "the label 'ab--c' has hyphens in the third and fourth place"),
        ("ops@ab--c.test", "'ab--c.test' is not a DNS name"),
        ("https://ab--c.test/", "'ab--c.test' is not a DNS name"),
        (
            "xn--a.test",
            "'xn--a.test' is not a DNS name: the label 'xn--a' begins as an A-label and is none of IDNA 2008",
        ),
        ("xn--n3h.test", "none of IDNA 2008 (Codepoint U+2603"),
        ("xn--app-.test", "letters, digits and inner hyphens"),
        ("xn--0.test", "is none of IDNA 2008"),
        ("xn--99999999.test", "is none of IDNA 2008"),
        ("DNS:app.test", "write 'app.test' without a prefix"),
        ("email:ops@app.test", "write 'ops@app.test' without a prefix"),
        ("@app.test", "before the '@'"),
        ('"odd one"@app.test', "before the '@'"),
        ("a" * 65 + "@app.test", "before the '@'"),
        ("ops@10.0.0.1", "looks like an IP address"),
        ("ops@[10.0.0.1]", "letters, digits and inner hyphens"),
        ("https://", "names no host"),
        ("https:///path", "names no host"),
        ("//a://b.test", "scheme"),
        ("https://blåbær.test/", "percent-encode"),
        ("https://app.test/a b", "percent-encode"),
        ("https://app.test/\0", "percent-encode"),
        ("https://[::1/", "is not a URI"),
        ("https://app.test:99999/", "is not a URI"),
        ("https://app.test:port/", "is not a URI"),
        ("https://10.0.0.1/", "by a DNS name"),
        ("https://[::1]/", "by a DNS name"),
        ("https://user:password@localhost/", "has user information before its host"),
        ("https://user@localhost/", "has user information before its host"),
        ("https://@localhost/", "has user information before its host"),
        ("https://app.test/#top", "has a fragment"),
        ("https://app.test/#", "has a fragment"),
        ("https://*.test/", "a wildcard is the whole first label"),
    ],
)
def test_what_is_no_name_is_refused_with_the_reason(text: str, words: str) -> None:
    with pytest.raises(PkiError, match=r"^names: ") as caught:
        parse_name(text)
    assert words in str(caught.value)


def test_no_password_in_a_uri_is_repeated() -> None:
    for text in ("https://user:secret@localhost/", "https://user:secret@localhost/ü", "https://u:secret@h:99999/"):
        with pytest.raises(PkiError) as caught:
            parse_name(text)
        assert "secret" not in str(caught.value)


@settings(deadline=None)  # however busy the machine is
@given(NAME_LIKE)
@example("ü." * 60 + "test")
@example("fe80::1%eth0")
@example("::ffff:10.0.0.1")
def test_any_text_is_a_name_or_a_pki_error_and_reading_twice_changes_nothing(text: str) -> None:
    try:
        name = parse_name(text)
    except PkiError:
        return
    assert parse_name(str(name)) == name
    assert str(name).isascii()


@given(NAME_LIKE)
def test_every_name_can_be_put_into_a_certificate_and_read_back(text: str) -> None:
    try:
        name = parse_name(text)
    except PkiError:
        return
    assert str(name.general_name().value) == str(name)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("app.test", "app.test"),
        ("App.TEST.", "app.test"),
        ("straße.test", "straße.test (xn--strae-oqa.test)"),
        ("ops@日本。test", "ops@日本。test (ops@xn--wgv71a.test)"),
        ("xn--strae-oqa.test", "xn--strae-oqa.test"),
        ("10.0.0.1", "10.0.0.1"),
    ],
)
def test_a_name_is_shown_as_it_was_written_beside_its_a_labels(text: str, shown: str) -> None:
    assert parse_name(text).shown == shown


def test_a_name_is_the_same_however_it_is_written() -> None:
    written = ["straße.test", "STRAßE。test.", "xn--strae-oqa.test"]
    assert [str(name) for name in parse_names(written)] == ["xn--strae-oqa.test"]
    assert len({hash(parse_name(text)) for text in written}) == 1


@pytest.mark.parametrize(
    ("value", "is_one"),
    [
        ("app.test", True),
        ("ab--c.test", True),
        ("xn--n3h.test", True),
        ("App.test", False),
        ("", False),
        ("a..test", False),
        ("app.1", False),
        ("a." * 127 + "test", False),
        ("straße.test", False),
    ],
)
def test_what_earlier_versions_kept_as_a_domain_stays_one(value: str, is_one: bool) -> None:
    assert is_host_name(value) is is_one


@given(st.text(alphabet="abzABZß日本éÉςΣİ-0。", min_size=1, max_size=12))
def test_what_is_encoded_stands_for_itself(text: str) -> None:
    try:
        name = parse_host_name(f"{text}.test")
    except PkiError:
        return
    read = idna.decode(name)
    assert read == unicodedata.normalize("NFC", f"{text}.test".lower().replace("。", ".")) or "Σ" in text


def test_names_keep_their_order_and_lose_repetitions() -> None:
    names = parse_names(["b.test", "a.test", "B.test.", "10.0.0.1"])
    assert [str(name) for name in names] == ["b.test", "a.test", "10.0.0.1"]


def test_a_leaf_needs_a_name() -> None:
    with pytest.raises(PkiError, match=r"names: a leaf needs at least one name\."):
        parse_names([])


def test_the_names_of_a_certificate_are_those_it_was_issued_for(make_leaf) -> None:
    written = [
        "app.test",
        "*.app.test",
        "straße.test",
        "10.0.0.1",
        "fd00::1",
        "::ffff:10.0.0.1",
        "ops@app.test",
        "https://app.test/",
    ]
    assert names_of(make_leaf(*written)) == parse_names(written)


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("app.test", "app.test"),
        ("ops@app.test", "app.test"),
        ("https://App.test:8443/", "app.test"),
        ("10.0.0.1", "10.0.0.1"),
    ],
)
def test_constraints_judge_a_name_by_its_host(text: str, host: str) -> None:
    assert parse_name(text).host == host


def test_a_host_name_is_no_wildcard() -> None:
    with pytest.raises(PkiError, match="a wildcard is the whole first label"):
        parse_host_name("*.app.test")
