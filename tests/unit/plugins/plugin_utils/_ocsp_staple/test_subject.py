# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which certificate a staple is for, from what a host says that it has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_staple.messages import DeployedStaple
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp_staple.request import StapleRequest
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp_staple.subject import Subject, identify
from ansible_collections.anchorage.pki.tests.unit.foreign_authority import DAY, URL, ForeignAuthority
from ansible_collections.anchorage.pki.tests.unit.roots import make_root, pem_of
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

Deployed = Callable[..., DeployedStaple]
RequestStaple = Callable[..., StapleRequest]


def pem(*certificates: x509.Certificate) -> str:
    return b"".join(map(pem_of, certificates)).decode()


def test_a_leaf_is_followed_by_its_issuer(request_staple: RequestStaple, deployed, foreign, leaf, now) -> None:
    assert identify(request_staple(), deployed(), now) == Subject(leaf, foreign.certificate, (URL,))


def test_the_issuer_is_the_one_whose_key_has_signed(request_staple, deployed: Deployed, foreign, leaf, now) -> None:
    """Whatever order a file has, and whoever has the name."""
    namesake = make_root("Corporate", not_before=now - DAY, not_after=now + DAY)
    found = deployed(chain=pem(namesake, make_root("Other"), foreign.certificate))
    assert identify(request_staple(), found, now).issuer == foreign.certificate
    with pytest.raises(
        PkiError,
        match=r"^'app': the certificate of its issuer, CN=Corporate, is not in /etc/ssl/app.pem. Name the file on",
    ):
        identify(request_staple(), deployed(chain=pem(namesake)), now)
    with pytest.raises(PkiError, match=r"is not in /etc/ssl/chain\.pem"):
        identify(request_staple(issuer="/etc/ssl/chain.pem"), deployed(chain=""), now)


def test_what_the_controller_has_names_the_issuer_too(request_staple, deployed, foreign, leaf, now) -> None:
    src = (leaf, foreign.certificate)
    assert identify(request_staple(src=src), deployed(chain=""), now).issuer == foreign.certificate


def test_what_the_controller_has_is_what_the_host_has(request_staple, deployed, foreign, now) -> None:
    src = (foreign.leaf(), foreign.certificate)
    with pytest.raises(PkiError, match=r"^'app': /etc/ssl/app.pem is another certificate than src"):
        identify(request_staple(src=src), deployed(), now)


def test_a_url_of_the_play_is_asked_alone(request_staple, deployed, foreign: ForeignAuthority, now: datetime) -> None:
    about = foreign.leaf(urls=["http://a.test/", "http://b.test/"])
    assert identify(request_staple(), deployed(about=about), now).urls == ("http://a.test/", "http://b.test/")
    named = request_staple(responder_url="http://named.test/")
    assert identify(named, deployed(about=about), now).urls == ("http://named.test/",)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"problem": "/etc/ssl/app.pem cannot be read (it is a folder)"}, r"app\.pem cannot be read \(.*\)\.$"),
        ({"certificate": ""}, "/etc/ssl/app.pem holds no certificate in PEM"),
        ({"certificate": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}, "a damaged certificate"),
        ({"chain": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}, "a damaged certificate"),
    ],
)
def test_what_cannot_be_read_is_for_the_user(request_staple, deployed: Deployed, now, facts, words: str) -> None:
    with pytest.raises(PkiError, match=f"^'app': .*{words}"):
        identify(request_staple(), deployed(**facts), now)


def test_a_damaged_certificate_is_told_of_the_file_that_has_it(request_staple, deployed: Deployed, now) -> None:
    damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    with pytest.raises(PkiError, match=r"^'app': /etc/ssl/chain\.pem holds a damaged certificate"):
        identify(request_staple(issuer="/etc/ssl/chain.pem"), deployed(chain=damaged), now)


def test_an_extension_that_cannot_be_read_is_told_with_its_file(request_staple, deployed, foreign, now) -> None:
    broken = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.5.5.7.1.1"), b"\x30\x03\x02")
    about = foreign.leaf(urls=[], extensions=[broken])
    for request in (request_staple(), request_staple(responder_url=URL)):
        with pytest.raises(PkiError, match=r"^'app': /etc/ssl/app\.pem: The extensions of the certificate cannot be"):
            identify(request, deployed(about=about), now)


def test_no_name_in_a_certificate_reaches_a_terminal_as_it_is(request_staple, deployed, now: datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = make_root("Evil\x1b[31m\nname", key=key, not_before=now - DAY, not_after=now + DAY)
    about = ForeignAuthority(issuer, key, now).leaf()
    with pytest.raises(PkiError, match="the certificate of its issuer, CN=Evil") as caught:
        identify(request_staple(), deployed(about=about, chain=""), now)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "url", ["http://user:secret@h/", "http://h:99999/", "http://h/" + "x" * 2048, "http://h/\x1b["]
)
def test_a_url_that_nobody_can_be_asked_at_is_left_out(request_staple, deployed, foreign, now, url: str) -> None:
    alone = identify(request_staple(), deployed(about=foreign.leaf(urls=[url])), now)
    reason = "the certificate has no OCSP URL that can be asked, so that there is nothing to staple"
    assert (alone.urls, alone.unstapled) == ((), reason)
    assert identify(request_staple(), deployed(about=foreign.leaf(urls=[url, URL])), now).urls == (URL,)


def test_a_certificate_that_nobody_answers_for_needs_no_issuer(request_staple, deployed, foreign, now) -> None:
    silent = deployed(about=foreign.leaf(urls=[]), chain="")
    assert identify(request_staple(), silent, now).unstapled.startswith("the certificate has no OCSP URL")
    alone = make_root("app.test", not_before=now - DAY, not_after=now + 90 * DAY)
    assert "self-signed" in identify(request_staple(responder_url=URL), deployed(about=alone), now).unstapled
    for ends, ended in ((-timedelta(hours=1), True), (timedelta(minutes=10), True), (timedelta(minutes=11), False)):
        subject = identify(request_staple(), deployed(about=foreign.leaf(ends=ends)), now)
        assert subject.unstapled.startswith("the certificate ends at ") is ended


def test_a_certificate_without_a_url_has_a_staple_where_the_user_knows_more(request_staple, deployed, foreign, now):
    silent = deployed(about=foreign.leaf(urls=[]))
    assert not identify(request_staple(responder_url=URL), silent, now).unstapled
    assert not identify(request_staple(response=b"der"), silent, now).unstapled


def test_a_key_tells_certificates_issuers_and_whatever_else_apart(foreign: ForeignAuthority, leaf) -> None:
    subject = Subject(leaf, foreign.certificate)
    others = [replace(subject, leaf=foreign.leaf()), replace(subject, issuer=leaf)]
    keys = [each.key("sha1") for each in (subject, *others)]
    keys += [subject.key("sha256"), subject.key("sha1", "http://a/"), subject.key("sha1http://a/")]
    assert len(set(keys)) == len(keys)
    assert subject.key("sha1") == Subject(leaf, foreign.certificate, ("http://a/",)).key("sha1")
