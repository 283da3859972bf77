# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task of ocsp_staple asks for, and what it is refused for before a host is asked."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.request import activation
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp_staple.request import parse_requests
from ansible_collections.anchorage.pki.tests.unit.foreign_authority import ForeignAuthority
from ansible_collections.anchorage.pki.tests.unit.roots import pem_of

ENTRY = dict.fromkeys(("name", "certificate", "issuer", "src", "response", "responder_url"))
TASK: dict[str, Any] = {
    **ENTRY,
    "certificates": None,
    "fetch_from": "host",
    "server": "none",
    "certid_digest": "sha1",
    "destination": "/etc/pki/anchorage-staples",
}
APP = {"name": "app", "certificate": "/etc/ssl/app.pem"}
URL = "http://ocsp.test/"


def no_files(option: str, name: str, largest: int) -> tuple[str, bytes]:
    raise AssertionError(f"{option} {name} of {largest} bytes is read")


def test_one_certificate_is_asked_for_without_a_list() -> None:
    (request,) = parse_requests({**TASK, **APP}, no_files)
    assert (request.name, request.certificate) == ("app", "/etc/ssl/app.pem")
    assert (request.issuer, request.src, request.response, request.responder_url) == ("", (), b"", "")


def test_a_certificate_has_its_own_issuer_and_url_or_those_of_the_task() -> None:
    own = {**ENTRY, **APP, "issuer": "/own.pem", "responder_url": "https://own.test/"}
    task = {**TASK, "issuer": "/shared.pem", "responder_url": URL}
    shared = {**ENTRY, "name": "b", "certificate": "/b.pem"}
    first, second = parse_requests({**task, "certificates": [own, shared]}, no_files)
    assert (first.issuer, first.responder_url) == ("/own.pem", "https://own.test/")
    assert (second.issuer, second.responder_url) == ("/shared.pem", URL)


def test_files_of_the_controller_are_read(foreign: ForeignAuthority) -> None:
    chain = [foreign.leaf(), foreign.certificate]
    files = {"app.pem": b"".join(map(pem_of, chain)), "app.der": b"response"}

    def read(option: str, name: str, largest: int) -> tuple[str, bytes]:
        assert (option, largest) == {"app.pem": ("src", 65536), "app.der": ("response", 65536)}[name]
        return f"files/{name}", files[name]

    (request,) = parse_requests({**TASK, **APP, "src": "app.pem", "response": "app.der"}, read)
    assert request.src == tuple(chain)
    assert request.response == b"response"
    for content in (b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
        files["app.pem"] = content
        with pytest.raises(PkiError, match=r"^src files/app.pem: holds no certificate in PEM, or a damaged one"):
            parse_requests({**TASK, **APP, "src": "app.pem"}, read)


def test_a_task_may_want_no_staple() -> None:
    assert parse_requests({**TASK, "certificates": []}, no_files) == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"destination": "/"}, "destination: / is a folder of the system's own"),
        ({"name": "../app"}, "name: '../app' cannot name a folder"),
        ({"certificate": "app.pem"}, "certificate: 'app.pem' is a relative path. Give the one on the host"),
        ({"issuer": "chain.pem"}, "issuer: 'chain.pem' is a relative path"),
        ({"responder_url": "ldap://ocsp.test/"}, "responder_url: the URL ldap://ocsp.test/ is not one of http"),
        ({"responder_url": "http:///path"}, "responder_url: the URL http:///path has neither a host's name"),
        ({"responder_url": "http://[ocsp/"}, r"responder_url: the URL http://\[ocsp/ cannot be read"),
        ({"responder_url": "http://h:99999/"}, "responder_url: the URL http://h:99999/ cannot be read. Give one such"),
        ({"responder_url": "http://a b/"}, "responder_url: the URL has .* that is not printable ASCII"),
        ({"responder_url": "http://1.2.3/"}, "responder_url: the URL http://1.2.3/ has neither"),
        ({"responder_url": "http://user:secret@h/"}, "responder_url: the URL names a user at h, and nobody logs in"),
        ({"server": "haproxy", "certid_digest": "sha256"}, "certid_digest: HAProxy finds a staple by SHA-1 alone"),
        (
            {"fetch_from": "controller"},
            "fetch_from: for the controller to fetch the response of 'app', give src, responder_url or response, since "
            "it sends no request to a URL that a host reports",
        ),
    ],
)
def test_what_could_never_be_done_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(PkiError, match=f"^{words}"):
        parse_requests({**TASK, **APP, **options}, no_files)


def test_a_certificate_has_one_staple() -> None:
    twice = [{**ENTRY, **APP}, {**ENTRY, **APP, "name": "b"}]
    with pytest.raises(PkiError, match=r"^certificate: /etc/ssl/app.pem is given twice"):
        parse_requests({**TASK, "certificates": twice}, no_files)


@pytest.mark.parametrize("option", [{"responder_url": URL}, {"response": "app.der"}])
def test_the_controller_fetches_where_the_play_says_from_where(option: dict[str, str]) -> None:
    assert parse_requests({**TASK, **APP, "fetch_from": "controller", **option}, lambda *_file: ("", b"der"))


def test_a_probe_asks_for_a_name_where_one_is_given() -> None:
    requests = parse_requests({**TASK, **APP}, no_files)
    probe = {"certificate": None, "address": "127.0.0.1", "port": 443, "server_name": None}
    activate = {"test": None, "reload": ["reload"], "timeout": None}
    for given, asked in ((None, ""), ("app.test", "app.test")):
        asks = activation({**activate, "probes": [{**probe, "server_name": given}]}, requests, "nginx")
        assert [(each.certificate, each.server_name, each.staple) for each in asks.probes] == [("app", asked, True)]
