# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the double of Apple's libraries keeps to each fact about them; or, with ANCHORAGE_SECURITY=real, these."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import plistlib
import re
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._macos.helper import Mac, ask, this_mac
from ansible_collections.anchorage.pki.plugins.module_utils._macos.roots import read_roots
from ansible_collections.anchorage.pki.plugins.module_utils._macos.trust_settings import ADMIN
from ansible_collections.anchorage.pki.tests.macos_double import double, run_contract
from ansible_collections.anchorage.pki.tests.macos_double.contract import ABORTS, NAME, RETURNS
from ansible_collections.anchorage.pki.tests.macos_double.proof_contract import PROOF
from ansible_collections.anchorage.pki.tests.macos_double.right_contract import CASES, RIGHTS
from ansible_collections.anchorage.pki.tests.macos_double.writing_contract import WRITING
from ansible_collections.anchorage.pki.tests.unit.roots import der_of, make_leaf, make_root, named
from cryptography.x509.oid import ExtendedKeyUsageOID


def rules(name: str) -> set[str]:
    """The facts that a source of the double keeps to."""
    return set(re.findall(r'keeps\("([^"]+)"\)', (double.SOURCES / name).read_text(encoding="utf-8")))


FACTS = re.findall(r"^\| `([a-z0-9-]+)` \|", (double.SOURCES / "FACTS.md").read_text(encoding="utf-8"), re.MULTILINE)
RULES = {rule for path in double.SOURCES.glob("*.c") for rule in rules(path.name)}

CERTIFICATES = [*(make_root(f"Root {number}") for number in range(3)), make_root("Between", issuer=named("Root 0"))]
LEAVES = [
    make_leaf(NAME, named("Between")),
    make_leaf(NAME, named("Between"), purpose=ExtendedKeyUsageOID.CLIENT_AUTH),
    make_leaf(NAME, named("Between"), left=timedelta(hours=-1)),
]
SYSTEM_KEYCHAIN = "/Library/Keychains/System.keychain"
#: Cases of reading that need trust settings of their own.
NEED_SETTINGS = (
    "damaged-entry-code",
    "domains-apart",
    "listed-when-in-keychain",
    "policy-is-object",
    "settings-in-order",
)


pytestmark = pytest.mark.skipif(
    not double.is_real() and shutil.which("cc") is None, reason="needs a C compiler: Debian's package build-essential"
)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], dict[str, str]]:
    """What came of each case with all rules, and without the rule that it is about, both by that."""
    folder = None if double.is_real() else str(tmp_path_factory.mktemp("double"))
    answer = run_and_clean_up(this_mac()) if folder is None else run(double.build(), folder)
    return answer["with"], answer["without"]


def run_and_clean_up(mac: Mac, patience: float = 20.0, **environment: str) -> dict[str, dict[str, str]]:
    """The answer for Apple's libraries, by themselves, with nothing left on this Mac: whatever became of a case, which
    somebody at the screen may have confirmed when it was given up."""
    try:
        return run(mac, None, patience=patience, **environment)
    finally:
        export = ask(mac, "export_settings", {"ders": [], "domain": ADMIN, "keychain": SYSTEM_KEYCHAIN}, patience)
        trusted = plistlib.loads(base64.b64decode(export["export"]))["trustList"] if export["export"] else {}
        names = {hashlib.sha1(der).hexdigest().upper(): der for der in map(der_of, CERTIFICATES)}  # noqa: S324
        left = [names[name] for name in names.keys() & trusted.keys()]
        if left:
            ders = [base64.b64encode(der).decode() for der in left]
            assert ask(mac, "forget_certificates", {"ders": ders, "domain": ADMIN}, patience)["failure"] is None


def run(
    libraries: Mac | double.Libraries,
    folder: str | None,
    may_pass: bool = False,
    patience: float = 20.0,
    **environment: str,
) -> dict[str, dict[str, str]]:
    """The answer of the program that runs the contract."""
    request = {
        "core_foundation": libraries.core_foundation,
        "security": libraries.security,
        "folder": folder,
        "may_pass": may_pass,
        "patience": patience,
        "ders": [der_of(certificate).hex() for certificate in CERTIFICATES],
        "leaves": [der_of(certificate).hex() for certificate in LEAVES],
    }
    finished = subprocess.run(
        [sys.executable, run_contract.__file__],
        input=json.dumps(request),
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)  # type: ignore[no-any-return]


def test_each_fact_has_one_rule_and_one_case() -> None:
    assert len(set(FACTS)) == len(FACTS)
    assert set(FACTS) == RULES
    assert sorted(FACTS) == sorted(case.fact for case in CASES)


@pytest.mark.parametrize("fact", FACTS)
def test_the_libraries_keep_to(fact: str, outcomes: tuple[dict[str, str], dict[str, str]]) -> None:
    outcome = outcomes[0][fact]
    if double.is_real() and outcome in ("not arranged", "double only"):
        pytest.skip(f"Apple's libraries are not asked: {outcome}")
    if double.is_real() and outcome.startswith("refused: "):
        pytest.xfail(outcome)  # which pytest counts apart from what passed
    assert outcome == "passed"


@pytest.mark.skipif(double.is_real(), reason="only the double has rules that can be switched off")
@pytest.mark.parametrize("fact", FACTS)
def test_the_contract_notices_a_double_without(fact: str, outcomes: tuple[dict[str, str], dict[str, str]]) -> None:
    assert outcomes[1][fact] != "passed"


@pytest.mark.skipif(double.is_real(), reason="this is how the cases are run on a real Mac")
def test_without_settings_of_its_own_the_contract_makes_do_with_what_there_is(tmp_path: Path) -> None:
    mac = double.DoubledMac(tmp_path)
    mac.trust("system", der_of(make_root("Apple's")), keychain="roots")
    outcomes = run(mac.libraries, None, ANCHORAGE_DOUBLE=str(tmp_path))["with"]
    assert {fact: outcome for fact, outcome in outcomes.items() if outcome != "passed"} == {
        **{case.fact: "double only" for case in CASES if case.end != RETURNS},
        **dict.fromkeys(NEED_SETTINGS, "not arranged"),
        **{case.fact: "not arranged" for case in (*WRITING, *PROOF, *RIGHTS) if case.end == RETURNS},
        "admin-code-12": "refused: -60007",
    }


@pytest.mark.skipif(double.is_real(), reason="this is how a write is tried on a real Mac")
@pytest.mark.parametrize(
    ("host", "trusted", "outcome"),
    [
        ({"version": "11.7.10"}, True, "refused: -2070"),
        ({"gui": "on", "person": "cancel"}, True, "refused: -60006"),
        ({"gui": "on", "person": "nobody"}, True, "refused: nobody confirmed it within 2 seconds"),
        ({"gui": "on", "person": "allow"}, True, "passed"),
        ({"sip": "off"}, True, "passed"),
        ({"sip": "off"}, False, "not arranged"),
    ],
    ids=["refused", "canceled", "waits", "confirmed", "allowed", "nothing else there"],
)
def test_a_write_that_a_mac_refuses_is_no_success(
    tmp_path: Path, host: dict[str, str], trusted: bool, outcome: str
) -> None:
    mac = double.DoubledMac(tmp_path)
    mac.host(**host)
    if trusted:
        mac.trust("admin", der_of(make_root("Theirs")))
    before = mac.entries
    answer = run(mac.libraries, None, patience=2.0, ANCHORAGE_DOUBLE=str(tmp_path))["with"]
    assert (answer["admin-code-12"], mac.entries) == (outcome, before)


@pytest.mark.skipif(double.is_real(), reason="this is how a case is cleaned up after on a real Mac")
@pytest.mark.parametrize(
    ("event", "outcome"),
    [("hang-up", "refused: nobody confirmed it within 2 seconds"), ("lost-reply", "AssertionError")],
    ids=["confirmed as it was given up", "failed after the write"],
)
def test_what_a_case_wrote_goes_whatever_became_of_it(tmp_path: Path, event: str, outcome: str) -> None:
    mac = double.DoubledMac(tmp_path)
    mac.host(gui="on", person="allow")
    mac.trust("admin", der_of(make_root("Theirs")))
    before = mac.entries
    mac.order(event, "admin", "on", 1)
    answer = run_and_clean_up(mac.mac(15), patience=2.0, ANCHORAGE_DOUBLE=str(tmp_path))["with"]
    assert outcome in answer["admin-code-12"]
    assert mac.entries == before


needs_apples_core_foundation = pytest.mark.skipif(
    not double.APPLE_CORE_FOUNDATION.exists(), reason="needs the package libswiftlang of Debian 13"
)


@needs_apples_core_foundation
def test_the_double_of_security_keeps_to_the_facts_on_the_core_foundation_of_apple(tmp_path: Path) -> None:
    """So that the rules of memory and values are Apple's, and no opinion of the double's."""
    libraries = double.build(str(double.APPLE_CORE_FOUNDATION))
    answer = run(libraries, str(tmp_path), may_pass=True)
    assert {fact: outcome for fact, outcome in answer["with"].items() if outcome != "passed"} == {
        case.fact: "double only" for case in CASES if case.end == ABORTS
    }
    # Without that last one, an error is released too often, which may pass unnoticed there.
    own = RULES - rules("core_foundation.c") - {"evaluation-error-owned"}
    assert {fact for fact in own if answer["without"][fact] == "passed"} == set()


@needs_apples_core_foundation
def test_the_roots_are_read_on_the_core_foundation_of_apple(tmp_path: Path) -> None:
    mac = double.DoubledMac(tmp_path, str(double.APPLE_CORE_FOUNDATION))
    der, denied = (der_of(certificate) for certificate in CERTIFICATES[:2])
    mac.trust("admin", der, *double.ALWAYS)
    mac.trust("admin", denied, "result=3;usage=4294967295")
    trust, attempts = read_roots(mac.mac(15), 60.0, ())
    assert (trust.roots, trust.untrusted[ADMIN], trust.failures, attempts) == ({der: ADMIN}, 1, [], 1)
