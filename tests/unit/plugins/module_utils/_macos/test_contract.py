# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the double of Apple's libraries keeps to each fact about them; or, with ANCHORAGE_SECURITY=real, these."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._macos.helper import this_mac
from ansible_collections.anchorage.pki.tests.macos_double import double, run_contract
from ansible_collections.anchorage.pki.tests.macos_double.contract import CASES
from ansible_collections.anchorage.pki.tests.unit.roots import der_of, make_root

FACTS = re.findall(r"^\| `([a-z0-9-]+)` \|", (double.SOURCES / "FACTS.md").read_text(encoding="utf-8"), re.MULTILINE)
RULES = {rule for path in double.SOURCES.glob("*.c") for rule in re.findall(r'keeps\("([^"]+)"\)', path.read_text())}


pytestmark = pytest.mark.skipif(
    not double.is_real() and shutil.which("cc") is None, reason="needs a C compiler: Debian's package build-essential"
)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], dict[str, str]]:
    """What came of each case with all rules, and without the rule that it is about, both by that."""
    real = double.is_real()
    libraries = this_mac() if real else double.build()
    request = {
        "core_foundation": libraries.core_foundation,
        "security": libraries.security,
        "folder": None if real else str(tmp_path_factory.mktemp("double")),
        "ders": [der_of(make_root(f"Root {number}")).hex() for number in range(3)],
    }
    program = [sys.executable, run_contract.__file__]
    finished = subprocess.run(program, input=json.dumps(request), capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    answer = json.loads(finished.stdout)
    return answer["with"], answer["without"]


def test_each_fact_has_one_rule_and_one_case() -> None:
    assert len(set(FACTS)) == len(FACTS)
    assert set(FACTS) == RULES
    assert sorted(FACTS) == sorted(case.fact for case in CASES)


@pytest.mark.parametrize("fact", FACTS)
def test_the_libraries_keep_to(fact: str, outcomes: tuple[dict[str, str], dict[str, str]]) -> None:
    outcome = outcomes[0][fact]
    if double.is_real() and outcome in ("not arranged", "double only"):
        pytest.skip(f"Apple's libraries are not asked: {outcome}")
    assert outcome == "passed"


@pytest.mark.skipif(double.is_real(), reason="only the double has rules that can be switched off")
@pytest.mark.parametrize("fact", FACTS)
def test_the_contract_notices_a_double_without(fact: str, outcomes: tuple[dict[str, str], dict[str, str]]) -> None:
    assert outcomes[1][fact] != "passed"
