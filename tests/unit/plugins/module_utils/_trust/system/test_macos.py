# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of a Mac's trust settings by the engine: who may write them, what is proved, and what is left of a failure."""

from __future__ import annotations

import base64
import itertools
import os
import pwd
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._macos.helper import Mac, ask
from ansible_collections.anchorage.pki.plugins.module_utils._trust import engine
from ansible_collections.anchorage.pki.plugins.module_utils._trust.answer import answer as module_answer
from ansible_collections.anchorage.pki.plugins.module_utils._trust.engine import LOCK_FILE, lock_file
from ansible_collections.anchorage.pki.plugins.module_utils._trust.inspection import find_stores
from ansible_collections.anchorage.pki.plugins.module_utils._trust.kinds import Finder, Kind
from ansible_collections.anchorage.pki.plugins.module_utils._trust.look import look
from ansible_collections.anchorage.pki.plugins.module_utils._trust.messages import Request
from ansible_collections.anchorage.pki.plugins.module_utils._trust.settings import Settings
from ansible_collections.anchorage.pki.plugins.module_utils._trust.shortfall import shortfall
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import Anchor
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system import macos_changes
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.macos import EXPORTS
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.macos_session import home_of
from ansible_collections.anchorage.pki.plugins.module_utils._wire.codec import encode
from ansible_collections.anchorage.pki.tests.macos_double.double import ALWAYS, MAIL
from ansible_collections.anchorage.pki.tests.unit.macs import needs_double
from ansible_collections.anchorage.pki.tests.unit.roots import der_of, make_leaf, make_root, named, pem_of
from ansible_collections.anchorage.pki.tests.unit.scratch_host import (
    ANCHOR,
    FORMER,
    OTHER,
    OTHER_ROOT,
    ROOT,
    anchor_of,
    apply,
    apply_all,
    settle,
)
from ansible_collections.anchorage.pki.tests.unit.scratch_trust_settings import THEIRS, ScratchTrustSettings
from ansible_collections.anchorage.pki.tests.unit.stub_stores import StubStore
from cryptography.x509 import Certificate

DER = ANCHOR.der
NAME, NOT_TRUSTED = "app.test", -67843


def pem(certificate: Certificate) -> str:
    return pem_of(certificate).decode()


#: A server's leaf of the anchor, by an issuer between them.
LEAF: dict[str, Any] = {
    "leaf_name": NAME,
    "leaf_chain": (pem(make_leaf(NAME, named("Between"))), pem(make_root("Between", issuer=ROOT.subject))),
}
SYSTEM_KEYCHAIN = "/Library/Keychains/System.keychain"
VERSIONS = ("10.15.7", "11.7.10", "13.7.4", "13.7.5", "15.1.0", "26.0.0")
SWITCHES = ("off", "on")
CELLS = list(itertools.product(VERSIONS, SWITCHES, SWITCHES, SWITCHES))
SET, IMPORT = "SecTrustSettingsSetTrustSettings", "SecTrustSettingsImportExternalRepresentation"
REMOVED, EXPORT = "SecTrustSettingsRemoveTrustSettings", "SecTrustSettingsCreateExternalRepresentation"
PUT_BACK = "The trust settings were put back"
WRITES = ("SecTrustSettingsSetTrustSettings", "SecCertificateAddToKeychain", "authorize")

pytestmark = needs_double


def refusal(version: str, sip: str, gui: str, root: str) -> int:
    """The status with which macOS refuses to write, by the table in docs/macos.md; 0 where it does not."""
    if gui == "on" or (root == "on" and version.startswith("10.")):
        return 0
    if root == "on" and version.startswith("11."):
        return -2070
    return 0 if root == "on" and sip == "off" else -60007


def written(host: ScratchTrustSettings) -> list[int]:
    return [host.called(each) for each in WRITES]


def no_objects_are_left(host: ScratchTrustSettings) -> bool:
    return set(host.double.living) == {0}


@pytest.mark.parametrize(("version", "sip", "gui", "root"), CELLS)
def test_who_may_write(tmp_path: Path, version: str, sip: str, gui: str, root: str) -> None:
    host = ScratchTrustSettings(tmp_path / "host", version, sip=sip, gui=gui, root=root)
    before, code = host.content(), refusal(version, sip, gui, root)
    domain, keychain = ("admin", "system") if root == "on" else ("user", "login")
    outcome = apply("install", host)
    assert no_objects_are_left(host)
    if not code:
        assert (outcome.state, outcome.changed) == ("trusted", True)
        assert host.content() == (
            sorted([*before[0], (keychain, DER)]),
            sorted([*before[1], (domain, DER, " ".join(ALWAYS))]),
        )
        return
    assert (outcome.state, outcome.changed, host.content(), written(host)) == ("unavailable", False, before, [0, 0, 0])
    assert f", {code}). macOS lets no program do this unattended." in outcome.evidence[0]
    assert "configuration profile" in shortfall("install", [outcome])
    assert "profile_path" in shortfall("install", [outcome])
    number = ("user", "admin").index(domain)
    path = SYSTEM_KEYCHAIN if root == "on" else f"{host.home}/Library/Keychains/login.keychain-db"
    arguments = {"der": base64.b64encode(DER).decode(), "domain": number, "keychain": path}
    answer = ask(host.double.mac(15), "trust_certificate", arguments, 90.0)
    assert (answer["failure"]["code"], host.content()[1]) == (code, before[1]), "which is what macOS would have said"


@pytest.mark.parametrize("superseded", [(), (FORMER, OTHER)])
@pytest.mark.parametrize("asked", ["by a look", "by the module"])
def test_what_is_right_costs_one_process_and_no_authorization(
    tmp_path: Path, asked: str, superseded: tuple[Anchor, ...]
) -> None:
    """A host is asked by the module only where a look is not possible, or has found something to do."""
    host = ScratchTrustSettings(tmp_path / "host", sip="off")
    settle("install", host)
    processes, before = len(host.double.living), written(host)
    request = Request("install", ANCHOR, ("system",), superseded=superseded)
    if asked == "by a look":
        answer = look(encode(request), host.settings, host.table)
    else:
        answer = module_answer(encode(request), host.settings, lambda *given: engine.apply(*given, kinds=host.table))
    assert answer is not None
    assert (answer["stores"][0]["state"], answer["changed"]) == ("trusted", False)
    assert len(host.double.living) - processes == 1
    assert written(host) == before


def test_what_is_right_is_evaluated_without_the_network(tmp_path: Path) -> None:
    host = ScratchTrustSettings(tmp_path / "host", sip="off")
    settle("install", host)
    outcome = apply("install", host)
    assert "an evaluation by the basic X.509 policy accepts it" in outcome.evidence
    assert "ssl: not evaluated, as no leaf was at hand" in outcome.evidence
    assert "SecTrustEvaluateWithError network" not in host.double.calls


def test_settings_for_any_use_are_right_too(tmp_path: Path) -> None:
    host = ScratchTrustSettings(tmp_path / "host")
    host.double.trust("admin", DER)
    assert (apply("install", host).state, written(host)) == ("trusted", [0, 0, 0])


def test_what_no_evaluation_accepts_is_not_trusted(tmp_path: Path) -> None:
    host = ScratchTrustSettings(tmp_path / "host", sip="off")
    before = host.content()
    host.double.order("SecTrustEvaluateWithError", "-", NOT_TRUSTED, 3)  # by the look, before the write, and after it
    outcome = apply("install", host)
    assert (outcome.state, outcome.changed, host.content()) == ("failed", False, before)
    assert "an evaluation by the basic X.509 policy refuses it: no trusted root vouches for it" in outcome.evidence[0]
    assert "The change was rolled back." in outcome.evidence[0]


# --- a leaf as proof


def test_a_leaf_is_evaluated_as_that_of_its_server(tmp_path: Path) -> None:
    host = ScratchTrustSettings(tmp_path / "host", sip="off")
    outcome = apply("install", host, **LEAF)
    assert (outcome.state, outcome.evidence[-1]) == ("trusted", f"ssl: trusted for {NAME}")
    assert outcome.before.evidence[-1] == "ssl: not evaluated, as the anchor itself is refused"
    assert apply("install", host, **LEAF).evidence == outcome.evidence
    assert "SecTrustEvaluateWithError network" not in host.double.calls
    assert no_objects_are_left(host)


@pytest.mark.parametrize(
    ("leaf", "code"),
    [
        ({"leaf_name": f"other.{NAME}"}, -67602),
        ({"leaf_chain": (pem(make_leaf(NAME, ROOT.subject, left=timedelta(hours=-1))),)}, -67818),
        ({"leaf_chain": (pem(make_leaf(NAME, named("Unknown"))),)}, -25318),
    ],
)
def test_a_leaf_that_is_refused_proves_nothing(tmp_path: Path, leaf: dict[str, Any], code: int) -> None:
    host = ScratchTrustSettings(tmp_path / "host", sip="off")
    before = host.content()
    outcome = apply("install", host, **{**LEAF, **leaf})
    assert (outcome.state, outcome.changed, host.content()) == ("failed", False, before)
    assert "macOS trusts it, but no leaf by it: " in shortfall("install", [outcome])
    assert f", {code})." in shortfall("install", [outcome])
    assert "The change was rolled back." in outcome.evidence[0]
    assert no_objects_are_left(host)


def test_settings_that_are_right_are_not_written_again_for_a_leaf_that_is_refused(tmp_path: Path) -> None:
    host = ScratchTrustSettings(tmp_path / "host", sip="off")
    settle("install", host)
    before, content = written(host), host.content()
    wrong = {**LEAF, "leaf_name": f"other.{NAME}"}
    outcome = apply("install", host, **wrong)
    assert (outcome.state, outcome.changed) == ("failed", False)
    assert f"ssl: refused for other.{NAME}: the name is not one of the certificate's" in " ".join(outcome.evidence)
    assert (written(host), host.content()) == (before, content)


def test_a_leaf_is_refused_where_only_a_former_root_vouched_for_it(tmp_path: Path) -> None:
    host = ScratchTrustSettings(tmp_path / "host", sip="off")
    host.double.trust("admin", OTHER.der, *ALWAYS)
    of_other = {"leaf_name": NAME, "leaf_chain": (pem(make_leaf(NAME, OTHER_ROOT.subject)),)}
    outcome = apply("install", host, superseded=[OTHER], **of_other)
    assert outcome.state == "failed"
    assert outcome.evidence[0].startswith("With its former anchors gone, it is failed: macOS trusts it, but no leaf")


def test_a_leaf_is_no_proof_of_what_goes_with_its_root(tmp_path: Path) -> None:
    """While one root gives way to another: of a leaf of the one, the other has nothing to say."""
    host = ScratchTrustSettings(tmp_path / "host", sip="off")
    settle("install", host, OTHER)
    outcomes = apply_all("install", host, further=[OTHER], **LEAF)
    proofs = [f"ssl: trusted for {NAME}", "ssl: not evaluated, as no leaf was at hand"]
    assert [outcome.evidence[-1] for outcome in outcomes] == proofs
    assert [(outcome.state, outcome.changed) for outcome in outcomes] == [("trusted", True), ("trusted", False)]
    processes = len(host.double.living)
    answer = look(encode(Request("install", ANCHOR, ("system",), further=(OTHER,), **LEAF)), host.settings, host.table)
    assert answer is not None
    assert [store["evidence"][-1] for store in answer["stores"]] == proofs
    assert len(host.double.living) - processes == 1


# --- reads that are tried again


@pytest.mark.parametrize(
    ("function", "about"),
    [
        ("SecTrustSettingsCopyTrustSettings", "admin"),
        ("SecTrustEvaluateWithError", "-"),
        ("SecTrustEvaluateWithError", "server"),
        ("SecItemCopyMatching", "system"),
    ],
)
def test_a_read_that_may_succeed_later_is_tried_again_in_a_new_process(
    tmp_path: Path, function: str, about: str
) -> None:
    host = ScratchTrustSettings(tmp_path / "host")
    host.double.trust("admin", DER, *ALWAYS)
    request = Request("install", ANCHOR, ("system",), leaf_name=NAME, leaf_chain=LEAF["leaf_chain"])
    host.double.order(function, about, -36, 3)
    answer = look(encode(request), host.settings, host.table)
    assert answer is not None
    assert answer["stores"][0]["state"] == "trusted"
    assert len(host.double.living) == 4


def test_settings_for_something_else_are_replaced(tmp_path: Path) -> None:
    host = ScratchTrustSettings(tmp_path / "host", sip="off")
    host.double.trust("admin", DER, f"policy={MAIL};result=1")
    outcome = settle("install", host)
    assert outcome.before.state == "stale"
    assert [words for domain, der, words in host.double.entries if der == DER] == [" ".join(ALWAYS)]


def test_what_is_denied_is_left_for_a_person(tmp_path: Path) -> None:
    host = ScratchTrustSettings(tmp_path / "host", sip="off")
    host.double.trust("admin", DER, "result=3")
    before = host.content()
    assert apply("install", host).state == "blocked"
    assert apply("remove", host).state == "absent", "a denial is no trace of trust"
    assert (host.content(), written(host)) == (before, [0, 0, 0])


def test_what_root_trusts_for_itself_counts_for_nobody(tmp_path: Path) -> None:
    """With become, the user's domain is root's own."""
    host = ScratchTrustSettings(tmp_path / "host", sip="off")
    host.double.trust("user", DER, *ALWAYS)
    assert apply("inspect", host).state == "stale", "the keychain has it"
    assert (apply("install", host).changed, ("admin", DER, " ".join(ALWAYS)) in host.double.entries) == (True, True)
    settle("remove", host)
    assert ("user", DER, " ".join(ALWAYS)) in host.double.entries


def test_a_user_trusts_what_the_administrator_does(tmp_path: Path) -> None:
    host = ScratchTrustSettings(tmp_path / "host", root="off")
    host.double.trust("admin", DER, *ALWAYS)
    assert apply("install", host).state == "trusted"


# --- a person at the screen


def test_a_canceled_prompt_is_the_only_one(tmp_path: Path) -> None:
    host = ScratchTrustSettings(tmp_path / "host", gui="on", person="cancel")
    before = host.content()
    assert apply("install", host, check_mode=True).state == "needs_user"
    assert host.called("authorize") == 0
    outcome = apply("install", host)
    assert (outcome.state, outcome.changed, host.content()) == ("needs_user", False, before)
    assert "(errAuthorizationCanceled, -60006)" in outcome.evidence[0]
    assert host.called("authorize") == 1
    assert no_objects_are_left(host)


def test_a_prompt_that_nobody_answers_ends(tmp_path: Path) -> None:
    host = ScratchTrustSettings(tmp_path / "host", patience=3.0, gui="on", person="nobody")
    before = host.content()
    outcome = apply("install", host)
    assert (outcome.state, outcome.changed, host.content()) == ("needs_user", False, before)
    assert outcome.evidence[0].startswith("Nobody at the screen confirmed it within 3 seconds.")
    assert host.called("authorize") == 1


@pytest.mark.parametrize("person", ["cancel", "nobody"])
@pytest.mark.parametrize("root", ["on", "off"])
def test_a_removal_that_nobody_confirms_needs_a_person(tmp_path: Path, root: str, person: str) -> None:
    host = ScratchTrustSettings(tmp_path / "host", patience=3.0, gui="on", root=root)
    settle("install", host)
    host.double.host(person=person)
    before, asked = host.content(), host.called("authorize")
    planned, outcome = (apply("remove", host, check_mode=check_mode) for check_mode in (True, False))
    assert (planned.state, planned.changed) == ("needs_user", True)
    assert planned.evidence[0] == "macOS would ask the person at the screen"
    assert (outcome.state, outcome.changed, host.content()) == ("needs_user", False, before)
    assert host.called("authorize") == asked + 1
    said = "(errAuthorizationCanceled, -60006)" if person == "cancel" else "Nobody at the screen confirmed it"
    assert said in outcome.evidence[0]
    assert shortfall("remove", [planned], check_mode=True) == ""
    assert said in shortfall("remove", [outcome]), "it is still trusted, and that fails the task"


def test_a_removal_of_what_has_no_settings_asks_nobody(tmp_path: Path) -> None:
    host = ScratchTrustSettings(tmp_path / "host", gui="on", root="off", person="cancel")
    with open(host.double.folder / "state", "a", encoding="ascii") as state:
        state.write(f"item login {DER.hex()}\n")
    assert apply("remove", host, check_mode=True).state == "absent"
    assert apply("remove", host).state == "absent"
    assert host.called("authorize") == 0


def test_a_prompt_that_was_canceled_is_the_only_one_of_a_run(tmp_path: Path) -> None:
    """Whatever else there would be to ask for: further anchors, and former ones."""
    host = ScratchTrustSettings(tmp_path / "host", gui="on", root="off", person="cancel")
    before = host.content()
    outcomes = apply_all("install", host, further=[OTHER])
    assert [(outcome.state, outcome.changed) for outcome in outcomes] == [("needs_user", False)] * 2
    assert outcomes[1].evidence[0].startswith("Nobody is asked a second time in a run. ")
    assert (host.called("authorize"), host.content()) == (1, before)

    host.double.host(person="allow")
    for anchor in (ANCHOR, FORMER, OTHER):
        settle("install", host, anchor)
    host.double.host(person="cancel")
    before, asked = host.content(), host.called("authorize")
    planned, outcome = (apply("install", host, superseded=[FORMER, OTHER], check_mode=mode) for mode in (True, False))
    assert (planned.state, planned.changed) == ("needs_user", True)
    assert (outcome.state, outcome.changed, host.content()) == ("needs_user", False, before)
    assert outcome.evidence[0].startswith("A former anchor was not removed: a person canceled the authorization")
    assert "A former anchor was not removed" in shortfall("install", [outcome]), "it is still trusted, and that fails"
    assert shortfall("install", [planned], check_mode=True) == ""
    assert host.called("authorize") == asked + 1


@pytest.mark.parametrize("answer", [-60006, -128, "hang"])
def test_an_undo_that_is_canceled_is_not_asked_for_again(tmp_path: Path, answer: int | str) -> None:
    """The write was confirmed, and is no proof of trust; whoever confirmed it does not confirm that it is undone."""
    host = ScratchTrustSettings(tmp_path / "host", gui="on", patience=3.0)
    before = exported(host)
    host.double.order("SecTrustEvaluateWithError", "-", NOT_TRUSTED, 3)
    host.double.order(REMOVED, "admin", answer, 1)
    outcome = apply("install", host)
    assert (outcome.state, outcome.changed) == ("failed", True)
    assert [host.called(each) for each in (REMOVED, IMPORT)] == [1, 0]
    see_kept(host, outcome.evidence[0], before)


def test_a_loss_after_a_canceled_undo_asks_nobody(tmp_path: Path) -> None:
    host = ScratchTrustSettings(tmp_path / "host", gui="on")
    before = exported(host)
    host.double.order("erase", "admin", "on", 1)
    host.double.order(IMPORT, "admin", -60006, 1)
    outcome = apply("install", host)
    assert (outcome.state, outcome.changed) == ("failed", True)
    assert [host.called(each) for each in (SET, IMPORT)] == [1, 1]
    see_kept(host, outcome.evidence[0], before)


def test_a_user_without_a_login_keychain_is_told_how_to_have_one(tmp_path: Path) -> None:
    host = ScratchTrustSettings(tmp_path / "host", gui="on", root="off", login="off")
    before = host.content()
    for check_mode in (True, False):
        outcome = apply("install", host, check_mode=check_mode)
        assert (outcome.state, host.content()) == ("needs_user", before)
    assert (outcome.changed, host.called("authorize")) == (False, 0)
    assert "the keychain does not exist (errSecNoSuchKeychain, -25294). Log in at the screen" in outcome.evidence[0]


def test_a_locked_keychain_needs_its_user(tmp_path: Path) -> None:
    host = ScratchTrustSettings(tmp_path / "host", gui="on")
    host.double.order("SecCertificateAddToKeychain", "system", -25308, 1)
    before = host.content()
    assert (apply("install", host).state, host.content()) == ("needs_user", before)


@pytest.mark.parametrize(
    ("person", "said"),
    [
        ("cancel", "(errSecUserCanceled, -128)"),
        ("wrong", "(errSecAuthFailed, -25293). Run the task again, and give the right password"),
        ("nobody", "Nobody at the screen confirmed it within 3 seconds."),
    ],
)
@pytest.mark.parametrize("operation", ["install", "remove"])
def test_a_keychain_that_nobody_unlocks_needs_its_user(tmp_path: Path, operation: str, person: str, said: str) -> None:
    """Its password is asked for within a person's time limit, and once: to put a certificate in, and to delete it."""
    host = ScratchTrustSettings(tmp_path / "host", patience=3.0, gui="on", root="off")
    if operation == "remove":
        settle("install", host)
    items = host.content()[0]
    host.double.host(locked="on")
    if operation == "install":
        host.double.host(person=person)
        outcome = apply(operation, host)
    else:  # the trust settings go first, and whoever confirms that does not unlock the keychain
        host.double.order("unlock", "login", {"cancel": -128, "wrong": -25293, "nobody": "hang"}[person], 1)
        outcome = apply(operation, host)
    assert (outcome.state, outcome.changed) == ("needs_user", operation == "remove")
    assert said in outcome.evidence[0]
    if person == "nobody":
        assert "Where a keychain is locked, its password is asked for, too." in outcome.evidence[0]
    assert (host.content()[0], host.called("unlock")) == (items, 1)
    assert kept_exports(host) == []
    host.double.host(person="allow")
    settle(operation, host)


def test_a_keychain_that_is_unlocked_is_written(tmp_path: Path) -> None:
    host = ScratchTrustSettings(tmp_path / "host", gui="on", root="off", locked="on")
    settle("install", host)
    host.double.host(locked="on")
    settle("remove", host)
    assert (host.called("unlock"), no_objects_are_left(host)) == (2, True)


@pytest.mark.parametrize("root", ["on", "off"])
@pytest.mark.parametrize("operation", ["install", "remove"])
def test_wrong_passwords_are_as_a_prompt_that_was_canceled(tmp_path: Path, operation: str, root: str) -> None:
    host = ScratchTrustSettings(tmp_path / "host", gui="on", root=root)
    if operation == "remove":
        settle("install", host)
    before, asked = host.content(), host.called("authorize")
    host.double.host(person="wrong")
    outcome, *others = apply_all(operation, host, further=[OTHER])
    assert (outcome.state, outcome.changed, host.content()) == ("needs_user", False, before)
    assert "(errAuthorizationDenied, -60005). Where a person was asked, run the task again" in outcome.evidence[0]
    assert (host.called("authorize"), no_objects_are_left(host)) == (asked + 1, True)
    if operation == "install":
        assert others[0].evidence[0].startswith("Nobody is asked a second time in a run. ")


def test_a_change_that_its_user_cancels_needs_him(tmp_path: Path) -> None:
    host = ScratchTrustSettings(tmp_path / "host", gui="on", root="off")
    host.double.order("SecTrustSettingsSetTrustSettings", "user", -128, 1)
    before = host.content()
    outcome = apply("install", host)
    assert (outcome.state, host.content()) == ("needs_user", before)
    assert "(errSecUserCanceled, -128)" in outcome.evidence[0]


# --- what goes wrong in a write


def test_entries_that_macos_loses_are_put_back(tmp_path: Path) -> None:
    host = ScratchTrustSettings(tmp_path / "host", sip="off")
    before = host.content()
    host.double.order("erase", "admin", "on", 1)
    outcome = apply("install", host)
    assert (outcome.state, outcome.changed, host.content()) == ("failed", False, before)
    assert "macOS lost other entries" in outcome.evidence[0]
    assert PUT_BACK in outcome.evidence[0]
    assert [host.called(each) for each in (SET, IMPORT)] == [1, 1]
    assert no_objects_are_left(host)


@pytest.mark.parametrize("erased", [True, False], ids=["with the others", "alone"])
@pytest.mark.parametrize("end", ["cut-off", "hang-up"])
def test_a_write_that_does_not_live_to_tell_is_undone(tmp_path: Path, end: str, erased: bool) -> None:
    """The process that wrote is killed or hangs, and with it goes all that it knew."""
    host = ScratchTrustSettings(tmp_path / "host", patience=3.0, sip="off")
    before = host.content()
    host.double.order(end, "admin", "on", 1)
    if erased:
        host.double.order("erase", "admin", "on", 1)
    outcome = apply("install", host)
    assert (outcome.state, outcome.changed, host.content()) == ("failed", False, before)
    said = "macOS lost other entries" if erased else "did not finish" if end == "hang-up" else "The write was cut off: "
    assert said in outcome.evidence[0]
    assert PUT_BACK in outcome.evidence[0]
    assert [host.called(each) for each in (SET, IMPORT)] == [1, int(erased)]
    assert kept_exports(host) == []


@pytest.mark.parametrize("end", ["cut-off", "hang-up"])
def test_a_removal_that_does_not_live_to_tell_puts_back_others_alone(tmp_path: Path, end: str) -> None:
    """What is to go, for it may be compromised, is trusted at no moment again."""
    host = ScratchTrustSettings(tmp_path / "host", patience=3.0, sip="off")
    before = host.content()
    settle("install", host)
    host.double.order(end, "admin", "on", 1)
    host.double.order("erase", "admin", "on", 1)
    outcome = apply("remove", host)
    assert (outcome.state, outcome.changed, host.content()) == ("failed", True, before)
    assert "They were put back, and what was to go is gone." in outcome.evidence[0]
    assert [host.called(each) for each in (REMOVED, IMPORT)] == [1, 1]
    assert kept_exports(host) == []
    assert apply("remove", host).changed is False


@pytest.mark.parametrize("operation", ["install", "remove"])
def test_what_was_confirmed_and_hung_then_may_be_asked_for_once_more(tmp_path: Path, operation: str) -> None:
    host = ScratchTrustSettings(tmp_path / "host", patience=3.0, gui="on")
    before = host.content()
    if operation == "remove":
        settle("install", host)
    asked = host.called("authorize")
    host.double.order("hang-up", "admin", "on", 1)
    host.double.order("erase", "admin", "on", 1)
    outcome = apply(operation, host)
    assert (outcome.state, outcome.changed) == ("failed", operation == "remove")
    assert host.content() == before
    assert host.called("authorize") == asked + 2, "to write, and to put back"


@pytest.mark.parametrize("event", ["hang-up", "service"], ids=["at once", "by a service, a moment later"])
@pytest.mark.parametrize("root", ["on", "off"])
@pytest.mark.parametrize("operation", ["install", "remove"])
def test_what_is_confirmed_at_the_last_moment_counts(tmp_path: Path, operation: str, root: str, event: str) -> None:
    """The time is over, and the write is done: nobody is asked again, neither to undo it nor for anything else."""
    host = ScratchTrustSettings(tmp_path / "host", patience=3.0, pauses=(3.0,), gui="on", root=root)
    before = host.content()
    if operation == "remove":
        settle("install", host)
    asked = host.called("authorize")
    host.double.order(event, "admin" if root == "on" else "user", "on", 1)
    outcome = apply(operation, host)
    assert (outcome.state, outcome.changed) == ("trusted" if operation == "install" else "absent", True)
    assert (host.content() == before) is (operation == "remove")
    assert (host.called("authorize"), kept_exports(host)) == (asked + 1, [])
    assert (apply(operation, host).changed, no_objects_are_left(host)) == (False, True)


def test_an_undo_that_is_confirmed_at_the_last_moment_counts(tmp_path: Path) -> None:
    host = ScratchTrustSettings(tmp_path / "host", patience=3.0, gui="on")
    before = host.content()
    host.double.order("SecTrustEvaluateWithError", "-", NOT_TRUSTED, 3)
    host.double.order("hang-up", "admin", 0, 1)  # not as it is set, but as it is removed again
    host.double.order("hang-up", "admin", "on", 1)
    outcome = apply("install", host)
    assert (outcome.state, outcome.changed, host.content()) == ("failed", False, before)
    assert "The change was rolled back." in outcome.evidence[0]
    assert (host.called("authorize"), kept_exports(host)) == (2, [])


@pytest.mark.parametrize("function", [SET, "SecCertificateAddToKeychain"])
def test_a_write_that_is_killed_before_it_wrote_changes_nothing(tmp_path: Path, function: str) -> None:
    host = ScratchTrustSettings(tmp_path / "host", sip="off")
    before = host.content()
    host.double.order(function, "admin" if function == SET else "system", "kill", 1)
    outcome = apply("install", host)
    assert (outcome.state, outcome.changed, host.content()) == ("failed", False, before)
    assert "The write was cut off: " in outcome.evidence[0]
    assert [host.called(each) for each in (function, IMPORT)] == [1, 0]


def kept_exports(host: ScratchTrustSettings) -> list[Path]:
    """What was kept for a person, in a folder and of a mode that are closed to others."""
    return [path for path in host.home.rglob("*") if path.is_file()]


def see_kept(host: ScratchTrustSettings, evidence: str, before: bytes) -> None:
    (path,) = kept_exports(host)
    assert (path.stat().st_mode & 0o7777, path.read_bytes()) == (0o600, before)
    command = f"sudo security trust-settings-import -d '{path}'"
    assert f", they are in {path}: put them back by {command}, which replaces all that was changed since." in evidence


def exported(host: ScratchTrustSettings) -> bytes:
    """The administrator's settings as macOS exports them."""
    arguments = {"ders": [], "domain": 1, "keychain": SYSTEM_KEYCHAIN}
    return base64.b64decode(ask(host.double.quick_mac(15), "export_settings", arguments, 90.0)["export"])


@pytest.mark.parametrize("way", [-25293, "hang", "kill"])
def test_entries_that_cannot_be_put_back_are_kept_for_a_person(tmp_path: Path, way: int | str) -> None:
    host = ScratchTrustSettings(tmp_path / "host", sip="off", patience=3.0)
    before = exported(host)
    host.double.order("erase", "admin", "on", 1)
    host.double.order(IMPORT, "admin", way, 1)
    outcome = apply("install", host)
    assert (outcome.state, outcome.changed) == ("failed", True)
    assert "They could not be put back: " in outcome.evidence[0]
    assert host.called(IMPORT) == 1, "which is a write, too, and not tried again"
    see_kept(host, outcome.evidence[0], before)


def test_entries_that_a_removal_loses_are_kept_for_a_person(tmp_path: Path) -> None:
    host = ScratchTrustSettings(tmp_path / "host", sip="off")
    settle("install", host)
    before = exported(host)
    host.double.order("erase", "admin", "on", 1)
    host.double.order("SecTrustSettingsImportExternalRepresentation", "admin", -25293, 1)
    outcome = apply("remove", host)
    assert outcome.state == "failed"
    see_kept(host, outcome.evidence[0], before)


def test_entries_that_a_removal_without_an_answer_loses_are_put_back(tmp_path: Path) -> None:
    host = ScratchTrustSettings(tmp_path / "host", sip="off")
    before = host.content()
    settle("install", host)
    host.double.order("lost-reply", "admin", "on", 1)
    host.double.order("erase", "admin", "on", 1)
    outcome = apply("remove", host)
    assert (outcome.state, outcome.changed, host.content()) == ("failed", True, before)
    assert "They were put back" in outcome.evidence[0]


def test_an_installation_that_cannot_be_undone_keeps_what_was_before(tmp_path: Path) -> None:
    host = ScratchTrustSettings(tmp_path / "host", sip="off")
    before = exported(host)
    host.double.order("SecTrustEvaluateWithError", "-", NOT_TRUSTED, 3)
    host.double.order(REMOVED, "admin", -25293, 1)
    outcome = apply("install", host)
    assert (outcome.state, outcome.changed) == ("failed", True)
    see_kept(host, outcome.evidence[0], before)


@pytest.mark.parametrize("operation", ["install", "remove"])
def test_what_cannot_be_kept_is_not_changed(tmp_path: Path, operation: str) -> None:
    host = ScratchTrustSettings(tmp_path / "host", sip="off")
    if operation == "remove":
        settle("install", host)
    before = host.content()
    (host.home / EXPORTS).write_text("no folder")
    outcome = apply(operation, host)
    assert (outcome.state, outcome.changed, host.content()) == ("failed", False, before)
    assert "The trust settings cannot be kept as they are, and so are not changed: " in outcome.evidence[0]


@pytest.mark.parametrize("operation", ["install", "remove"])
def test_a_run_that_is_interrupted_leaves_what_was_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    """At the prompt, say; and macOS began its record anew. The next run finds and tells it, whatever it does itself."""
    host = ScratchTrustSettings(tmp_path / "host", sip="off")
    if operation == "remove":
        settle("install", host)
    before = exported(host)
    assert kept_exports(host) == []

    def interrupt() -> None:
        raise KeyboardInterrupt

    host.double.order("erase", "admin", "on", 1)
    with monkeypatch.context() as patch:
        change_at(patch, "trust_certificate" if operation == "install" else "forget_certificates", interrupt)
        with pytest.raises(KeyboardInterrupt):
            apply(operation, host)
    (path,) = kept_exports(host)
    assert (path.stat().st_mode & 0o7777, path.read_bytes()) == (0o600, before)
    for check_mode in (True, False):
        evidence = " ".join(apply(operation, host, check_mode=check_mode).evidence)
        assert f"they are in {path}: put them back by sudo security trust-settings-import -d '{path}'" in evidence
    assert kept_exports(host) == [path]


def test_a_run_that_saw_everything_leaves_no_file(tmp_path: Path) -> None:
    host = ScratchTrustSettings(tmp_path / "host", sip="off")
    settle("install", host)
    settle("remove", host)
    host.double.order(SET, "admin", -25293, 1)
    assert apply("install", host).state == "failed"
    assert list(host.home.glob("Library/Application Support/*")) == []


@pytest.mark.parametrize(
    ("function", "about", "code"),
    [
        ("SecTrustSettingsCreateExternalRepresentation", "admin", -2070),
        ("SecCertificateAddToKeychain", "system", -61),
        ("SecTrustSettingsSetTrustSettings", "admin", -25293),
    ],
)
def test_a_write_that_fails_changes_nothing_and_is_not_tried_again(
    tmp_path: Path, function: str, about: str, code: int
) -> None:
    host = ScratchTrustSettings(tmp_path / "host", sip="off")
    before = host.content()
    host.double.order(function, about, code, 1)
    outcome = apply("install", host)
    assert (outcome.state, outcome.changed, host.content()) == ("failed", False, before)
    assert f", {code})" in outcome.evidence[0]
    assert host.called(function) == 1
    assert host.called("authorize") == 0
    assert no_objects_are_left(host)


@pytest.mark.parametrize("erased", [False, True], ids=["alone", "with the others"])
def test_a_write_that_was_done_without_an_answer_is_undone(tmp_path: Path, erased: bool) -> None:
    host = ScratchTrustSettings(tmp_path / "host", sip="off")
    before = host.content()
    host.double.order("lost-reply", "admin", "on", 1)
    if erased:
        host.double.order("erase", "admin", "on", 1)
    outcome = apply("install", host)
    assert (outcome.state, outcome.changed, host.content()) == ("failed", False, before)
    assert ("macOS lost other entries" if erased else "(errSecNotAvailable, -25291)") in outcome.evidence[0]
    assert host.called("SecTrustSettingsSetTrustSettings") == 1


def test_a_write_that_is_done_too_late_to_be_compared_is_undone(tmp_path: Path) -> None:
    host = ScratchTrustSettings(tmp_path / "host", gui="on", person="allow", reading=3.0)
    before = host.content()
    host.double.order("SecTrustSettingsCreateExternalRepresentation", "admin", 0, 1)
    host.double.order("SecTrustSettingsCreateExternalRepresentation", "admin", "hang", 1)
    outcome = apply("install", host)
    assert (outcome.state, outcome.changed, host.content()) == ("failed", False, before)
    assert "What became of other entries, macOS does not say. The trust settings were put back" in outcome.evidence[0]


def test_a_removal_that_cannot_be_compared_keeps_what_was_before(tmp_path: Path) -> None:
    """It is not undone: an anchor that shall go is better gone in part than trusted again."""
    host = ScratchTrustSettings(tmp_path / "host", sip="off")
    settle("install", host)
    before = exported(host)
    host.double.order("SecTrustSettingsCreateExternalRepresentation", "admin", 0, 1)
    host.double.order("SecTrustSettingsCreateExternalRepresentation", "admin", -36, 4)
    outcome = apply("remove", host)
    assert (outcome.state, outcome.changed, host.called(IMPORT)) == ("failed", True, 0)
    see_kept(host, outcome.evidence[0], before)


def test_a_domain_with_many_entries_is_put_back(tmp_path: Path) -> None:
    host = ScratchTrustSettings(tmp_path / "host", sip="off")
    for number in range(60):
        host.double.trust("admin", der_of(make_root(f"Root {number}")), *ALWAYS)
    before = host.content()
    host.double.order("erase", "admin", "on", 1)
    outcome = apply("install", host)
    assert (outcome.state, outcome.changed, host.content()) == ("failed", False, before)


def test_a_read_that_fails_or_hangs_is_told(tmp_path: Path) -> None:
    host = ScratchTrustSettings(tmp_path / "host", reading=2.0, sip="off")
    for order, said in ((-36, "(ioErr, -36)"), ("hang", "did not finish within 2 seconds")):
        # The look and the module, each as often as it is worth to try.
        host.double.order("SecTrustSettingsCopyTrustSettings", "admin", order, 8 if order == -36 else 2)
        outcome = apply("install", host)
        assert (outcome.state, outcome.changed, written(host)) == ("failed", False, [0, 0, 0])
        assert said in outcome.evidence[0]


@pytest.mark.parametrize("operation", ["install", "remove"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_moment_without_an_answer_about_the_settings_costs_nothing(tmp_path: Path, operation: str, when: str) -> None:
    """Neither is a good write undone, nor does a person have to confirm anything twice."""
    host = ScratchTrustSettings(tmp_path / "host", gui="on")
    if operation == "remove":
        settle("install", host)
    asked = host.called("authorize")
    if when == "after":
        host.double.order(EXPORT, "admin", 0, 1)
    host.double.order(EXPORT, "admin", -36, 2)
    settle(operation, host)
    assert (host.called("authorize"), host.called(IMPORT)) == (asked + 1, 0)


def change_at(monkeypatch: pytest.MonkeyPatch, operation: str, change: Callable[[], object]) -> None:
    """Have somebody else change something right after macOS was asked for an operation the first time."""
    changes = [change]

    def asked(mac: Mac, name: str, arguments: Mapping[str, Any], timeout: float) -> Any:
        answer = ask(mac, name, arguments, timeout)
        if name == operation and changes:
            changes.pop()()
        return answer

    monkeypatch.setattr(macos_changes, "ask", asked)


def test_what_others_changed_since_is_no_part_of_an_undo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A root that was distrusted meanwhile stays so, and one that was added stays."""
    host = ScratchTrustSettings(tmp_path / "host", sip="off")
    other = der_of(make_root("Another's root"))
    state = host.double.folder / "state"

    def change() -> None:
        lines = [line for line in state.read_text().splitlines() if not line.startswith(f"entry admin {THEIRS.hex()}")]
        state.write_text("\n".join([*lines, ""]))
        host.double.trust("admin", THEIRS, "result=3")
        host.double.trust("admin", other, *ALWAYS)

    change_at(monkeypatch, "trust_certificate", change)
    host.double.order("SecTrustEvaluateWithError", "-", NOT_TRUSTED, 3)
    outcome = apply("install", host)
    assert outcome.state == "failed"
    admins = {der: words for domain, der, words in host.double.entries if domain == "admin"}
    assert admins == {THEIRS: "result=3", other: " ".join(ALWAYS)}
    assert host.called(IMPORT) == 0


def test_what_others_added_since_survives_that_lost_entries_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = ScratchTrustSettings(tmp_path / "host", sip="off")
    other = der_of(make_root("Another's root"))
    change_at(monkeypatch, "trust_certificate", lambda: host.double.trust("admin", other, *ALWAYS))
    host.double.order("erase", "admin", "on", 1)
    outcome = apply("install", host)
    assert PUT_BACK in outcome.evidence[0]
    assert {der for domain, der, _words in host.double.entries if domain == "admin"} == {THEIRS, other}


def test_own_settings_that_were_there_before_come_back(tmp_path: Path) -> None:
    host = ScratchTrustSettings(tmp_path / "host", sip="off")
    host.double.trust("admin", DER, MAIL)
    before = host.content()
    host.double.order("SecTrustEvaluateWithError", "-", NOT_TRUSTED, 4)
    outcome = apply("install", host)
    assert (outcome.state, outcome.changed, host.content()) == ("failed", False, before)


def test_what_macos_only_says_that_it_put_back_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host = ScratchTrustSettings(tmp_path / "host", sip="off")
    before = exported(host)
    host.double.order("erase", "admin", "on", 1)
    state = host.double.folder / "state"
    change_at(monkeypatch, "restore_settings", lambda: state.write_text(""))
    outcome = apply("install", host)
    assert "macOS says that it did, and has others" in outcome.evidence[0]
    see_kept(host, outcome.evidence[0], before)


def test_a_prompt_that_was_canceled_after_one_that_was_confirmed_is_the_last(tmp_path: Path) -> None:
    host = ScratchTrustSettings(tmp_path / "host", gui="on")
    for anchor in (ANCHOR, FORMER, OTHER):
        settle("install", host, anchor)
    asked = host.called("authorize")
    host.double.order(REMOVED, "admin", 0, 1)
    host.double.order(REMOVED, "admin", -60006, 1)
    third = anchor_of(make_root("Third root"))
    own, further = apply_all("install", host, superseded=[FORMER, OTHER], further=[third])
    assert (own.state, own.changed, further.state, further.changed) == ("needs_user", True, "needs_user", False)
    assert further.evidence[0].startswith("Nobody is asked a second time in a run. ")
    assert host.called("authorize") == asked + 1
    assert "(errAuthorizationCanceled, -60006)" in shortfall("install", [own])


# --- removal


def test_the_last_entry_is_not_removed_unattended(tmp_path: Path) -> None:
    host = ScratchTrustSettings(tmp_path / "host", sip="off", person="nobody")
    (host.double.folder / "state").write_text("")
    host.double.trust("admin", DER, *ALWAYS)
    before = host.content()
    for check_mode in (True, False):
        outcome = apply("remove", host, check_mode=check_mode)
        assert (outcome.state, outcome.changed, host.content()) == ("failed", False, before)
        assert "macOS asks a person before it removes the last entry" in outcome.evidence[0]
    host.double.host(gui="on", person="allow")
    settle("remove", host)


@pytest.mark.parametrize("further", ["superseded", "further"])
def test_check_mode_foresees_that_the_last_entry_would_be_left(tmp_path: Path, further: str) -> None:
    """Of two roots that are to go, and are all that there is: the first one leaves the second as the last."""
    host = ScratchTrustSettings(tmp_path / "host", sip="off", person="nobody")
    (host.double.folder / "state").write_text("")
    for anchor in (ANCHOR, OTHER):
        host.double.trust("admin", anchor.der, *ALWAYS)
    told = [apply_all("remove", host, check_mode=check_mode, **{further: [OTHER]}) for check_mode in (True, False)]
    planned, done = ([(outcome.state, outcome.changed) for outcome in outcomes] for outcomes in told)
    assert planned == done == ([("failed", True)] if further == "superseded" else [("absent", True), ("failed", False)])
    reasons = [outcomes[-1].evidence[0] for outcomes in told]
    assert reasons[0] == reasons[1]
    assert "macOS asks a person before it removes the last entry" in reasons[0]
    assert [der for _domain, der, _words in host.double.entries] == [OTHER.der]


def test_check_mode_foresees_that_a_former_anchor_is_not_the_last_entry(tmp_path: Path) -> None:
    """The new one comes before it goes."""
    host = ScratchTrustSettings(tmp_path / "host", sip="off", person="nobody")
    (host.double.folder / "state").write_text("")
    host.double.trust("admin", FORMER.der, *ALWAYS)
    for check_mode in (True, False):
        outcome = apply("install", host, superseded=[FORMER], check_mode=check_mode)
        assert (outcome.state, outcome.changed) == ("trusted", True)
        assert [each.after.state for each in outcome.purged] == ["absent"]


def test_a_mac_that_does_not_ask_loses_its_last_entry(tmp_path: Path) -> None:
    host = ScratchTrustSettings(tmp_path / "host", "10.15.7")
    (host.double.folder / "state").write_text("")
    settle("install", host)
    settle("remove", host)
    assert host.content() == ([], [])


@pytest.mark.parametrize("keychain", ["system", None])
def test_half_of_it_is_removed(tmp_path: Path, keychain: str | None) -> None:
    host = ScratchTrustSettings(tmp_path / "host", sip="off")
    before = host.content()
    host.double.trust("admin", DER, *ALWAYS, keychain=keychain)
    if keychain:
        lines = (host.double.folder / "state").read_text().splitlines()
        (host.double.folder / "state").write_text("\n".join([*lines[:-1], ""]))
    assert settle("remove", host).before.state == "stale"
    assert host.content() == before


def test_former_anchors_go_with_a_new_one(tmp_path: Path) -> None:
    host = ScratchTrustSettings(tmp_path / "host", sip="off")
    settle("install", host, FORMER)
    settle("install", host, OTHER)
    outcome = apply("install", host, superseded=[FORMER])
    assert (outcome.state, [each.after.state for each in outcome.purged]) == ("trusted", ["absent"])
    assert {der for _keychain, der in host.double.items} >= {DER, OTHER.der}


# --- which user


def test_a_home_is_that_of_the_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """sudo of macOS leaves HOME as it was: what root keeps must not go to a folder of a user."""
    monkeypatch.setenv("HOME", "/Users/me")
    assert home_of(os.geteuid()) == pwd.getpwuid(os.geteuid()).pw_dir != "/Users/me"
    assert home_of(4321) == "/Users/me", "without an account"


def test_each_user_has_a_lock_of_his_own(tmp_path: Path) -> None:
    assert lock_file(0, "/var/root") == LOCK_FILE
    assert lock_file(501, str(tmp_path)) == f"{tmp_path}/.cache/anchorage-trust.lock"  # as on Linux
    (tmp_path / "Library" / "Caches").mkdir(parents=True)
    assert lock_file(501, str(tmp_path)) == f"{tmp_path}/Library/Caches/anchorage-trust.lock"


@pytest.mark.parametrize("operation", ["install", "remove"])
def test_nobody_changes_the_settings_of_another_in_his_session(tmp_path: Path, operation: str) -> None:
    """With become_user: macOS would ask whoever is at the screen about a keychain and trust settings not his own."""
    host = ScratchTrustSettings(tmp_path / "host", gui="on", root="off")
    if operation == "remove":
        settle("install", host)
    host.double.host(user="4321")
    before, asked = host.content(), host.called("authorize")
    for check_mode in (True, False):
        outcome = apply(operation, host, check_mode=check_mode)
        assert (outcome.state, outcome.changed, host.content()) == ("unavailable", False, before)
        assert "This is the session of 4321 at the screen" in outcome.evidence[0]
        assert "have 501 run the task without become, in a session at the screen." in outcome.evidence[0]
        assert "profile_path" in shortfall(operation, [outcome])
    assert host.called("authorize") == asked


@pytest.mark.parametrize("root", ["on", "off"])
def test_whose_session_it_is_may_be_unknown(tmp_path: Path, root: str) -> None:
    """A user's own settings are left alone then, and all is read; whom root is asked for makes no difference."""
    host = ScratchTrustSettings(tmp_path / "host", gui="on", root=root)
    before = host.content()
    host.double.order("getaudit_addr", "-", 1, 9)
    outcomes = [apply("install", host, check_mode=check_mode) for check_mode in (True, False)]
    if root == "on":
        assert [outcome.state for outcome in outcomes] == ["needs_user", "trusted"]
        return
    for outcome in outcomes:
        assert (outcome.state, outcome.changed, host.content()) == ("unavailable", False, before)
        assert outcome.evidence[0].startswith("macOS does not say (getaudit_addr) whose session at the screen this is.")
        assert "have 501 run the task without become" in outcome.evidence[0]
    assert host.called("authorize") == 0
    host.double.trust("user", DER, *ALWAYS, keychain="login")
    assert apply("inspect", host).state == "trusted"


def test_what_is_right_in_the_session_of_another_is_read(tmp_path: Path) -> None:
    host = ScratchTrustSettings(tmp_path / "host", gui="on", root="off")
    settle("install", host)
    host.double.host(user="4321")
    assert [(apply(each, host).state) for each in ("inspect", "install")] == ["trusted", "trusted"]


@contextmanager
def another_user() -> Iterator[None]:
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_others_than_root_change_what_is_theirs_alone() -> None:
    own, other = StubStore("own"), StubStore("other")
    finders = [
        Finder(lambda _: [own], lambda: ["/own"], is_personal=True),
        Finder(lambda _: [other], lambda: ["/other"]),
    ]
    request = Request("install", ANCHOR, ("nss",))
    files = Kind("files", (Finder(lambda _: [other], list, is_personal=True),), is_of_users=True)
    named = replace(request, stores=("nss", "files"))
    with another_user():
        assert find_stores(request, Settings(), [Kind("nss", tuple(finders))]) == ([own], [])
        assert find_stores(named, Settings(), [Kind("nss", tuple(finders[:1])), files]) == ([own, other], [])
        with pytest.raises(HostError, match="Only root may change what a host trusts"):
            find_stores(named, Settings(), [Kind("nss", tuple(finders[1:])), files])
        with pytest.raises(HostError, match="Only root may change what a host trusts"):
            find_stores(request, Settings(), [Kind("nss", tuple(finders[1:]))])


def test_others_than_root_change_their_own_databases_where_they_ask_for_nothing_else() -> None:
    own = StubStore("own")
    databases = Kind("nss", (Finder(lambda _: [own], lambda: ["~/.pki"]),), is_of_users=True)
    system = Kind("system", (Finder(lambda _: [StubStore("other")], lambda: ["/etc"]),), is_required=True)
    with another_user():
        for operation in ("install", "remove"):
            asked = Request(operation, ANCHOR, ("nss",))
            assert find_stores(asked, Settings(), [system, databases]) == ([own], [])
            with pytest.raises(HostError, match=r"set become to true, or stores to nss or files"):
                find_stores(Request(operation, ANCHOR, ("system", "nss")), Settings(), [system, databases])
        nothing = [Kind("nss", (Finder(lambda _: [], lambda: ["~/.pki of every user"]),), is_of_users=True)]
        with pytest.raises(HostError, match=r"Looked for: ~/\.pki of every user"):
            find_stores(Request("install", ANCHOR, ("nss",)), Settings(), nothing)
