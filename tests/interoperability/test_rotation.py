# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""While one root gives way to another: leaves of the new one, as they are served, are accepted by whoever trusts the
old root alone, the new one alone, or both; and by whoever trusts the new one once the word of the old one has ended."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority, to_pem
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.rotations import State
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import Profile, Signer, sign_cross
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import KeyType
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.names import parse_name
from ansible_collections.anchorage.pki.tests.unit.rotations import rotated
from interoperability.conftest import KEY_TYPES
from interoperability.pki import EXPIRED, NOW, Chain, Pki, make_pki
from interoperability.programs import write_chain
from interoperability.verifiers import VERIFIERS, Question, Verifier, gnutls, openssl

NAME = parse_name("app.test")
#: Of these, the limits table says that they take such keys for no certificate, or no server.
WITHOUT_ED25519 = ("NSS", "cryptography")


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


@pytest.mark.parametrize("verify", [openssl, gnutls])
def test_whoever_trusts_both_roots_accepts_leaves_of_both(switching: Pki, verify, tmp_path: Path) -> None:
    both = root_file(switching.authority, tmp_path, 1, 2)
    former = switching.authority.epochs[0].issuers[-1]
    old = switching.chain("app.test", signer=Signer(former.certificate, former.key(None, "passphrase")))
    for number, chain in enumerate((served(switching), old)):
        verdict = verify(Question(both, write_chain(chain, tmp_path / str(number)), NAME, Profile.SERVER))
        assert verdict.accepted, verdict.words


@pytest.mark.parametrize("verify", [openssl, gnutls])
def test_without_the_word_of_the_old_root_its_clients_refuse(switching: Pki, verify, tmp_path: Path) -> None:
    chain = served(switching)
    folder = write_chain(replace(chain, certificates=chain.certificates[:-1]), tmp_path / "chain")
    for trusted, accepted in ((1, False), (2, True)):
        question = Question(root_file(switching.authority, tmp_path, trusted), folder, NAME, Profile.SERVER)
        assert verify(question).accepted == accepted


@pytest.mark.parametrize("verifier", VERIFIERS, ids=lambda verifier: verifier.name)
def test_where_the_word_of_the_old_root_has_ended_the_new_root_is_enough(
    switching: Pki, verifier: Verifier, tmp_path: Path
) -> None:
    skip_unknown_keys(verifier, switching)
    former, new = switching.authority.epochs
    signer = Signer(former.root.certificate, former.root.key(None, "passphrase"))
    ended = sign_cross(new.root.certificate, signer, EXPIRED)
    chain = served(switching)
    folder = write_chain(replace(chain, certificates=(*chain.certificates[:-1], ended)), tmp_path / "chain")
    verdict = verifier.verify(Question(root_file(switching.authority, tmp_path, 2), folder, NAME, Profile.SERVER))
    assert verdict.accepted, verdict.words
