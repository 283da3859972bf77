# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every verifier accepts what the collection issues, and refuses what nobody may accept, for the right reason."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from interoperability.cases import BAD, CONSTRAINED_BY_ROOT_ALONE, GOOD, Case
from interoperability.limits import limited_verdict
from interoperability.pki import Pki
from interoperability.programs import write_chain
from interoperability.verifiers import VERIFIERS, Question, Verdict, Verifier


@pytest.mark.parametrize("verifier", VERIFIERS, ids=lambda verifier: verifier.name)
@pytest.mark.parametrize("case", [*GOOD, *BAD, CONSTRAINED_BY_ROOT_ALONE], ids=lambda case: case.label)
def test_verdict(pki: Pki, case: Case, verifier: Verifier, tmp_path: Path) -> None:
    folder = write_chain(case.make(pki), tmp_path / "chain")
    verdict = verifier.verify(Question(pki.root_file, folder, case.name, case.purpose))
    expected = expected_verdict(verifier, pki, case)
    assert verdict.accepted == expected.accepted, verdict.words
    assert re.search(expected.words, verdict.words)


def expected_verdict(verifier: Verifier, pki: Pki, case: Case) -> Verdict:
    """What the verifier should say: its limits first, else what RFC 5280 makes of the case."""
    if limited := limited_verdict(verifier.name, pki.key_type, case):
        return limited
    return Verdict(True, "") if case.fault is None else Verdict(False, verifier.words[case.fault])
