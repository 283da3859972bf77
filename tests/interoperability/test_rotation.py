# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""While one root gives way to another: leaves of the new one, as they are served, are accepted by whoever trusts the
old root alone, the new one alone, or both; and by whoever trusts the new one once the word of the old one has ended."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority, to_pem
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.rotations import COMPROMISED, State
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import (
    Profile,
    Signer,
    Subject,
    sign_cross,
    sign_issuing,
    sign_root,
    validity_from,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import KeyType, generate_key
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.names import parse_name
from ansible_collections.anchorage.pki.tests.unit.rotations import rotated
from cryptography import x509
from interoperability.cases import Fault
from interoperability.conftest import KEY_TYPES
from interoperability.pki import DAYS, EXPIRED, NOW, Chain, Pki, make_pki
from interoperability.programs import write_chain
from interoperability.verifiers import VERIFIERS, Question, Verifier

NAME = parse_name("app.test")
#: Of these, the limits table says that they take such keys for no certificate, or no server.
WITHOUT_ED25519 = ("NSS", "cryptography")
#: What they say where nothing leads from what they are sent to a root that they trust.
UNKNOWN_ISSUER = {
    "OpenSSL": "unable to get local issuer certificate",
    "GnuTLS": "issuer is unknown",
    "NSS": "ERROR -8179: Peer's Certificate issuer is not recognized",
    "Java": "unable to find valid certification path",
    "Python": "unable to get local issuer certificate",
    "cryptography": "all candidates exhausted",
}
#: Of a cross-certificate that has ended, NSS says that it leads nowhere.
ENDED_CROSS = {"NSS": UNKNOWN_ISSUER["NSS"]}
#: Who accepts, of those that trust one root or both, a name that the old one does not permit, where the word of that is
#: sent. GnuTLS follows it to the old root, and does not come back for the new one: so it is not sent with such leaves.
WIDER_THROUGH_THE_CROSS = {"GnuTLS": ["new"]}


@pytest.fixture(scope="module", params=KEY_TYPES, ids=[key_type.value for key_type in KEY_TYPES])
def switching(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pki:
    """An authority whose leaves are those of its second root."""
    pki = make_pki(request.param, tmp_path_factory.mktemp("switching") / "authority")
    return replace(pki, authority=rotated(pki.authority, State.SWITCHING, NOW))


def served(pki: Pki) -> Chain:
    """A leaf as hosts serve it now."""
    chain, authority = pki.chain("app.test"), pki.authority
    leaf = chain.leaf
    return replace(chain, certificates=(leaf, *authority.chain(authority.issuing, leaf)))


def root_file(authority: Authority, folder: Path, *epochs: int) -> Path:
    """A file with the roots of these epochs."""
    path = folder / f"roots-{'-'.join(map(str, epochs))}.pem"
    path.write_text("".join(to_pem(authority.epochs[epoch - 1].root.certificate) for epoch in epochs))
    return path


def widened(pki: Pki, name: str) -> tuple[x509.Certificate, Chain]:
    """A root without constraints that gets the word of the old root, and what hosts serve below it under ``name``."""
    former, validity = pki.authority.epochs[0].root, validity_from(NOW, 2 * DAYS)
    key, issuing_key = generate_key(pki.key_type), generate_key(pki.key_type)
    root = Signer(sign_root(key, Subject("Wider root"), validity, None), key)
    issuing = sign_issuing(issuing_key.public_key(), root, Subject("Wider"), 1, validity, None)
    cross = sign_cross(root.certificate, Signer(former.certificate, former.key(None, "passphrase")), validity)
    chain = pki.chain(name, signer=Signer(issuing, issuing_key))
    return root.certificate, replace(chain, certificates=(*chain.certificates, cross))


def skip_unknown_keys(verifier: Verifier, pki: Pki) -> None:
    if pki.key_type is KeyType.ED25519 and verifier.name in WITHOUT_ED25519:
        pytest.skip(f"{verifier.name} takes no Ed25519, whatever the chain")


@pytest.mark.parametrize("verifier", VERIFIERS, ids=lambda verifier: verifier.name)
@pytest.mark.parametrize("trusted", [1, 2], ids=["old root", "new root"])
def test_whoever_trusts_either_root_accepts_what_is_served(
    switching: Pki, verifier: Verifier, trusted: int, tmp_path: Path
) -> None:
    skip_unknown_keys(verifier, switching)
    folder = write_chain(served(switching), tmp_path / "chain")
    root = root_file(switching.authority, tmp_path, trusted)
    verdict = verifier.verify(Question(root, folder, NAME, Profile.SERVER))
    assert verdict.accepted, verdict.words


@pytest.mark.parametrize("verifier", VERIFIERS, ids=lambda verifier: verifier.name)
def test_whoever_trusts_both_roots_accepts_leaves_of_both(switching: Pki, verifier: Verifier, tmp_path: Path) -> None:
    skip_unknown_keys(verifier, switching)
    both = root_file(switching.authority, tmp_path, 1, 2)
    former = switching.authority.epochs[0].issuers[-1]
    old = switching.chain("app.test", signer=Signer(former.certificate, former.key(None, "passphrase")))
    for number, chain in enumerate((served(switching), old)):
        folder = write_chain(chain, tmp_path / str(number))
        verdict = verifier.verify(Question(both, folder, NAME, Profile.SERVER))
        assert verdict.accepted, verdict.words
    new = root_file(switching.authority, tmp_path, 2)
    assert not verifier.verify(Question(new, tmp_path / "1", NAME, Profile.SERVER)).accepted


@pytest.mark.parametrize("verifier", VERIFIERS, ids=lambda verifier: verifier.name)
def test_without_the_word_of_the_old_root_its_clients_refuse(
    switching: Pki, verifier: Verifier, tmp_path: Path
) -> None:
    skip_unknown_keys(verifier, switching)
    chain = served(switching)
    folder = write_chain(replace(chain, certificates=chain.certificates[:-1]), tmp_path / "chain")
    old, new = (
        verifier.verify(Question(root_file(switching.authority, tmp_path, trusted), folder, NAME, Profile.SERVER))
        for trusted in (1, 2)
    )
    assert not old.accepted
    assert re.search(UNKNOWN_ISSUER[verifier.name], old.words)
    assert new.accepted, new.words


@pytest.mark.parametrize("verifier", VERIFIERS, ids=lambda verifier: verifier.name)
def test_once_the_word_of_the_old_root_has_ended_only_the_new_root_is_enough(
    switching: Pki, verifier: Verifier, tmp_path: Path
) -> None:
    skip_unknown_keys(verifier, switching)
    former, new = switching.authority.epochs
    signer = Signer(former.root.certificate, former.root.key(None, "passphrase"))
    ended = sign_cross(new.root.certificate, signer, EXPIRED)
    chain = served(switching)
    folder = write_chain(replace(chain, certificates=(*chain.certificates[:-1], ended)), tmp_path / "chain")
    old, new, both = (
        verifier.verify(Question(root_file(switching.authority, tmp_path, *trusted), folder, NAME, Profile.SERVER))
        for trusted in ((1,), (2,), (1, 2))
    )
    assert not old.accepted
    assert re.search(ENDED_CROSS.get(verifier.name, verifier.words[Fault.EXPIRED]), old.words)
    assert new.accepted, new.words
    assert both.accepted, both.words


@dataclass(frozen=True)
class Promise:
    """A state of a rotation that began for a ``reason``, and the epochs whose roots are each enough for new leaves."""

    state: State
    reason: str
    accepting: tuple[tuple[int, ...], ...]

    def __str__(self) -> str:
        return f"{self.state.value}, in an emergency" if self.reason == COMPROMISED else self.state.value


ONLY_OLD, ONLY_NEW, BOTH = (1,), (2,), (1, 2)
#: The table of docs/rotation.md: the state switching is asked about with each kind of key, above.
PROMISES = [
    *(Promise(state, "test", (ONLY_OLD, BOTH)) for state in (State.MADE, State.DISTRIBUTING, State.ABORTED)),
    *(Promise(state, "test", (ONLY_OLD, ONLY_NEW, BOTH)) for state in (State.DRAINING, State.PURGING, State.DONE)),
    *(Promise(state, COMPROMISED, (ONLY_NEW, BOTH)) for state in (State.SWITCHING, State.PURGING, State.DONE)),
]


@pytest.fixture(scope="module", params=PROMISES, ids=str)
def promised(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Promise, Pki]:
    """A promise, and an authority in that state."""
    promise: Promise = request.param
    pki = make_pki(KeyType.ECDSA_P256, tmp_path_factory.mktemp("promised") / "authority")
    return promise, replace(pki, authority=rotated(pki.authority, promise.state, NOW, promise.reason))


@pytest.mark.parametrize("verifier", VERIFIERS, ids=lambda verifier: verifier.name)
def test_each_state_keeps_its_promise(promised: tuple[Promise, Pki], verifier: Verifier, tmp_path: Path) -> None:
    promise, pki = promised
    folder = write_chain(served(pki), tmp_path / "chain")
    for trusted in (ONLY_OLD, ONLY_NEW, BOTH):
        root = root_file(pki.authority, tmp_path, *trusted)
        verdict = verifier.verify(Question(root, folder, NAME, Profile.SERVER))
        assert verdict.accepted == (trusted in promise.accepting), (trusted, verdict.words)
        assert verdict.accepted or re.search(UNKNOWN_ISSUER[verifier.name], verdict.words)


@pytest.mark.parametrize("verifier", VERIFIERS, ids=lambda verifier: verifier.name)
@pytest.mark.parametrize("sent", [True, False], ids=["with the cross", "without it"])
def test_a_name_that_the_new_root_alone_permits(switching: Pki, verifier: Verifier, sent: bool, tmp_path: Path) -> None:
    skip_unknown_keys(verifier, switching)
    name = "app.example.com"
    wider, chain = widened(switching, name)
    certificates = chain.certificates if sent else chain.certificates[:-1]
    folder = write_chain(replace(chain, certificates=certificates), tmp_path / "chain")
    old_root, new_root = to_pem(switching.authority.epochs[0].root.certificate), to_pem(wider)
    trusted = {"old": old_root, "new": new_root, "both": old_root + new_root, "both, turned": new_root + old_root}
    accepting = []
    for label, text in trusted.items():
        roots = tmp_path / f"{label}.pem"
        roots.write_text(text)
        verdict = verifier.verify(Question(roots, folder, parse_name(name), Profile.SERVER))
        accepting += [label] if verdict.accepted else []
        reasons = f"{verifier.words[Fault.OUTSIDE]}|{UNKNOWN_ISSUER[verifier.name]}"
        assert verdict.accepted or re.search(reasons, verdict.words)
    usual = ["new", "both", "both, turned"]
    assert accepting == (WIDER_THROUGH_THE_CROSS.get(verifier.name, usual) if sent else usual)
