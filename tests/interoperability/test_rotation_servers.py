# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What web servers send while one root gives way to another: the issuing certificate and the word of the old root,
which an emergency does not have, with the staple. OpenSSL, which insists on that here, and GnuTLS accept it by the
roots with which that is promised."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.pointers import wanted_pointing
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority, to_pem
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.rotations import COMPROMISED, State
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.signing import sign_staple
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import KeyType, encode_key
from ansible_collections.anchorage.pki.tests.unit.leaves import Leaf, deploy_leaf, destination_at
from ansible_collections.anchorage.pki.tests.unit.own_responder import own_responder
from ansible_collections.anchorage.pki.tests.unit.rotations import rotated
from interoperability.pki import NOW, make_pki
from interoperability.verifiers import Verdict, judge
from interoperability.web_servers import WEB_SERVERS, WebServer, serving

#: The epochs whose roots a client trusts.
TRUSTED = {"old root": (1,), "new root": (2,), "both roots": (1, 2)}


@dataclass(frozen=True)
class Rotation:
    """How far a root has given way to another and why, the epoch of new leaves, how many certificates these are sent
    with, and who accepts them."""

    label: str
    state: State
    reason: str
    epoch: int
    issuers: int
    accepting: tuple[str, ...]


ROTATIONS = (
    Rotation("switching", State.SWITCHING, "test", 2, 2, ("old root", "new root", "both roots")),
    Rotation("in an emergency", State.SWITCHING, COMPROMISED, 2, 1, ("new root", "both roots")),
    Rotation("after an abort", State.ABORTED, "test", 1, 1, ("old root", "both roots")),
)


def roots_file(authority: Authority, epochs: tuple[int, ...], folder: Path) -> Path:
    path = folder / f"roots-{'-'.join(map(str, epochs))}.pem"
    path.write_text("".join(to_pem(authority.epochs[number - 1].root.certificate) for number in epochs))
    return path


def openssl(roots: Path, port: int, staples: bool) -> Verdict:
    """Ask by curl, for which no staple is as bad as a bad one."""
    to = ("--connect-to", f"app.test:443:127.0.0.1:{port}")
    strict = ("--cert-status",) if staples else ()
    return judge("curl", "--silent", "--show-error", *strict, "--cacert", roots, *to, "https://app.test/")


def gnutls(roots: Path, port: int, staple: Path) -> Verdict:
    name = ("--sni-hostname=app.test", "--verify-hostname=app.test")
    return judge("gnutls-cli", f"--x509cafile={roots}", *name, f"--save-ocsp={staple}", f"--port={port}", "127.0.0.1")


@dataclass(frozen=True)
class Served:
    """A rotation of the root of an authority, and a leaf as hosts get it then."""

    rotation: Rotation
    authority: Authority
    leaf: Leaf


@pytest.fixture(scope="module", params=ROTATIONS, ids=lambda rotation: rotation.label)
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Served:
    rotation: Rotation = request.param
    pki = make_pki(KeyType.ECDSA_P256, tmp_path_factory.mktemp("rotated") / "authority")
    pki = replace(pki, authority=rotated(pki.authority, rotation.state, NOW, rotation.reason))
    chain, authority = pki.chain("app.test"), pki.authority
    assert authority.issuing in authority.epochs[rotation.epoch - 1].issuers
    sent = "".join(map(to_pem, authority.chain(authority.issuing, chain.leaf)))
    staple = sign_staple(chain.leaf, pki.issuing.certificate, pki.responder, 7, NOW).der
    return Served(rotation, authority, Leaf(to_pem(chain.leaf), sent, encode_key(chain.key).decode(), staple))


@pytest.fixture
def pointers(served: Served, private_folder: Path) -> Iterator[dict[str, Path]]:
    """The folders with the pointer files to the deployed leaf, by the server. For Apache, the responder runs that a
    host has."""
    destination = destination_at(private_folder / "pki", "none")
    deploy_leaf(destination, served.leaf)
    places = private_folder / "respond.d"
    places.mkdir()
    (places / "app.json").write_text(json.dumps({"path": str(private_folder / "pki" / "app")}))
    with own_responder(private_folder, places) as port:
        folders = {}
        for server in WEB_SERVERS:
            asking = replace(destination, server=server.name, responder_port=port)
            folders[server.name] = private_folder / server.name
            folders[server.name].mkdir()
            for name, text in wanted_pointing(asking, "app", 1, stapled=True).files.items():
                (folders[server.name] / name).write_text(text)
        yield folders


@pytest.mark.parametrize("server", WEB_SERVERS, ids=lambda server: server.name)
def test_clients_accept_what_a_server_sends_by_the_roots_with_which_that_is_promised(
    served: Served, pointers: dict[str, Path], private_folder: Path, server: WebServer
) -> None:
    staple = private_folder / "staple.der"
    with serving(server, pointers[server.name], private_folder) as port:
        for label, epochs in TRUSTED.items():
            roots = roots_file(served.authority, epochs, private_folder)
            by_openssl, by_gnutls = openssl(roots, port, server.staples), gnutls(roots, port, staple)
            for verdict in (by_openssl, by_gnutls):
                assert verdict.accepted == (label in served.rotation.accepting), (label, verdict.words)
            if by_openssl.accepted:
                assert f"Got a certificate list of {1 + served.rotation.issuers} certificates" in by_gnutls.words
                assert (staple.read_bytes() if staple.exists() else b"") == (
                    served.leaf.staple if server.staples else b""
                )
                staple.unlink(missing_ok=True)
            else:
                assert "unable to get local issuer certificate" in by_openssl.words
                assert "issuer is unknown" in by_gnutls.words
