# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every verifier accepts what the collection issues, and refuses what nobody may accept, for the right reason."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import to_pem
from interoperability.cases import BAD, CONSTRAINED_BY_ROOT_ALONE, CROSS_SIGNED, GOOD, Case
from interoperability.limits import limited_verdict
from interoperability.pki import Pki
from interoperability.programs import write_chain
from interoperability.verifiers import VERIFIERS, Question, Verdict, Verifier, gnutls, openssl


@pytest.mark.parametrize("verifier", VERIFIERS, ids=lambda verifier: verifier.name)
@pytest.mark.parametrize("case", [*GOOD, CROSS_SIGNED, *BAD, CONSTRAINED_BY_ROOT_ALONE], ids=lambda case: case.label)
def test_verdict(pki: Pki, case: Case, verifier: Verifier, tmp_path: Path) -> None:
    folder = write_chain(case.make(pki), tmp_path / "chain")
    verdict = verifier.verify(Question(pki.root_file, folder, case.name, case.purpose))
    expected = expected_verdict(verifier, pki, case)
    assert verdict.accepted == expected.accepted, verdict.words
    assert re.search(expected.words, verdict.words)


@pytest.mark.parametrize(
    ("verifier", "words"),
    [
        (openssl, "error 25 at 3 depth lookup: path length constraint exceeded"),
        (gnutls, "violates the signer's constraints"),
    ],
)
def test_under_a_root_of_path_length_1_no_next_root_is_accepted(
    pki: Pki, verifier: Callable[[Question], Verdict], words: str, tmp_path: Path
) -> None:
    """Such as 0.2.0 made: why new roots, and renewed ones, have path length 2."""
    short = pki.with_short_root()
    root = tmp_path / "root.pem"
    root.write_text(to_pem(short))
    folder = write_chain(pki.below_a_next_root(), tmp_path / "chain")
    question = Question(root, folder, CROSS_SIGNED.name, CROSS_SIGNED.purpose)
    assert verifier(replace(question, root=pki.root_file)).accepted
    verdict = verifier(question)
    assert not verdict.accepted
    assert words in verdict.words
    own = write_chain(pki.chain("app.test"), tmp_path / "own")
    assert verifier(replace(question, folder=own)).accepted


def expected_verdict(verifier: Verifier, pki: Pki, case: Case) -> Verdict:
    """What the verifier should say: its limits first, else what RFC 5280 makes of the case."""
    if limited := limited_verdict(verifier.name, pki.key_type, case):
        return limited
    return Verdict(True, "") if case.fault is None else Verdict(False, verifier.words[case.fault])
