# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A root in a file that gives way to one whose key is on a token."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.reading import read_authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.rotations import State
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import KeyAwayError
from ansible_collections.anchorage.pki.plugins.plugin_utils._rotation.keys import needless_on_tokens
from ansible_collections.anchorage.pki.plugins.plugin_utils._rotation.transaction import RotationTransaction
from ansible_collections.anchorage.pki.plugins.plugin_utils._token.sessions import Tokens
from ansible_collections.anchorage.pki.plugins.plugin_utils._token.uris import parse_uri
from ansible_collections.anchorage.pki.tests.unit.soft_tokens import PIN, SoftTokens


@pytest.fixture
def soft_tokens(tmp_path: Path) -> SoftTokens:
    return SoftTokens(tmp_path)


@pytest.fixture
def on_token(soft_tokens: SoftTokens, private_folder: Path) -> Passphrases:
    """Both keys of the next root on a token."""
    lab = parse_uri(soft_tokens.make("lab"), "root_key_uri")
    return Passphrases(tokens=Tokens(PIN, private_folder / "run", lab, lab))


def test_a_rotation_brings_the_keys_to_a_token_and_the_next_one_leaves_them_there(
    soft_tokens: SoftTokens, on_token: Passphrases, own_authority: Authority, now: datetime
) -> None:
    def check() -> None:
        with open_ledger(own_authority.ledger_path) as ledger:
            transaction = RotationTransaction(own_authority.folder, ledger, (), now)
            transaction.begin("to a token", on_token)
            assert transaction.advance(on_token) is State.MADE
            old, new = transaction.authority().epochs
            assert new.root.key_uri
            assert new.issuers[-1].key_uri
            assert new.issuers[-1].key_uri.object == "Test authority issuing 2"
            assert (new.issuers[-1].responder.folder / "key.pem").exists()
            assert old.root.key_uri is None
            # It is given up: what is on the token is its owner's to remove, and is named.
            steps = transaction.abort()
            assert transaction.clean_up(steps) == (new.issuers[-1].responder.folder / "key.pem",)
            named = needless_on_tokens(read_authority(own_authority.folder), ())
            assert named == (new.root.folder / "key.uri", new.issuers[-1].folder / "key.uri")

    soft_tokens.apart(check)
    assert len(soft_tokens.private_keys("lab")) == 2


def test_a_token_that_is_away_has_nothing_begin_or_go_on(
    soft_tokens: SoftTokens, on_token: Passphrases, own_authority: Authority, now: datetime
) -> None:
    def check(has_begun: bool) -> None:
        with open_ledger(own_authority.ledger_path) as ledger:
            transaction = RotationTransaction(own_authority.folder, ledger, (), now)
            with pytest.raises(KeyAwayError, match=r"'lab' is not at hand"):
                (transaction.go_on if has_begun else lambda known: transaction.begin("x", known))(on_token)
            assert [one.state for one in ledger.rotations.all()] == ([State.PLANNED] if has_begun else [])
            assert len(transaction.authority().roots) == 1
            if not has_begun:
                transaction.begin("to a file", Passphrases())

    soft_tokens.take_away()
    soft_tokens.apart(lambda: check(False))
    soft_tokens.apart(lambda: check(True))
