# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of trust on a Debian host: each state that a run can find, what becomes of it, and what it costs.

They run the real update-ca-certificates and the real openssl, over a scratch folder.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._trust import engine
from ansible_collections.anchorage.pki.plugins.module_utils._trust.kinds import KINDS, Kind
from ansible_collections.anchorage.pki.plugins.module_utils._trust.messages import Request, StoreOutcome
from ansible_collections.anchorage.pki.plugins.module_utils._trust.shortfall import shortfall
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import Anchor, Finding
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.unsound import ends_for_openssl
from ansible_collections.anchorage.pki.tests.unit.roots import NOW, der_of, make_root, pem_of
from ansible_collections.anchorage.pki.tests.unit.scratch_debian import PROGRAM, ScratchDebian
from ansible_collections.anchorage.pki.tests.unit.scratch_host import (
    ANCHOR,
    KEY,
    OTHER,
    OTHER_ROOT,
    ROOT,
    ScratchHost,
    anchor_of,
    apply,
    apply_all,
    settle,
)
from ansible_collections.anchorage.pki.tests.unit.selinux_labels import needs_labels, set_label
from ansible_collections.anchorage.pki.tests.unit.stub_stores import StubStore, kind_of
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

pytestmark = pytest.mark.skipif(
    not os.path.exists(PROGRAM) or shutil.which("openssl") is None,
    reason="needs Debian's packages ca-certificates and openssl",
)

TWO = pem_of(OTHER_ROOT) + pem_of(make_root())
# One in DER that OpenSSL reads past in a bundle, and one that it does not, as a zero byte begins a line.
HARMLESS_DER = next(der for der in (der_of(make_root()) for _attempt in range(100)) if not ends_for_openssl(der))
ENDING_DER = der_of(make_root(serial=0x0A0001))
PLAIN = "refresh "
FRESH = "refresh --fresh"


@pytest.fixture
def host(tmp_path: Path) -> ScratchDebian:
    return ScratchDebian(tmp_path / "host")


def openssl_trusts(host: ScratchDebian, anchor: Anchor = ANCHOR) -> list[bool]:
    """The verdicts over CAfile and CApath, asked in another way than the code under test does."""
    verify = ["openssl", "verify", "-partial_chain", "-no_check_time", "-no-CAstore"]
    ways = [["-no-CApath", "-CAfile", str(host.bundle)], ["-no-CAfile", "-CApath", str(host.links)]]
    return [
        subprocess.run([*verify, *way], input=anchor.pem.encode(), capture_output=True, check=False).returncode == 0
        for way in ways
    ]


def fill_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave no room on any file system."""
    statvfs = os.statvfs

    def full(path: str) -> os.statvfs_result:
        return os.statvfs_result(0 if index == 3 else value for index, value in enumerate(statvfs(path)))  # f_bfree

    monkeypatch.setattr(os, "statvfs", full)


# --- the plain way


def test_an_absent_anchor_is_installed_with_one_plain_refresh(host: ScratchDebian) -> None:
    assert openssl_trusts(host) == [False, False]
    outcome = settle("install", host)
    assert outcome.before.state == "absent"
    assert openssl_trusts(host) == [True, True]
    assert host.spent() == [PLAIN]
    own = host.own_file(ANCHOR)
    assert own.read_bytes() == pem_of(ROOT)
    assert own.stat().st_mode & 0o7777 == 0o644
    assert f"{own} holds it" in outcome.evidence


def test_the_rest_of_the_store_is_left_as_it_was(host: ScratchDebian) -> None:
    before = host.picture()
    settle("install", host)
    settle("remove", host)
    assert host.picture() == before


def test_an_anchor_is_removed_with_one_rebuild(host: ScratchDebian) -> None:
    settle("install", host)
    settle("remove", host)
    assert openssl_trusts(host) == [False, False]
    assert host.spent() == [PLAIN, FRESH]
    assert len(host.tried()) == 1  # before anything is taken away


def test_a_root_renewed_under_its_own_name_stands_beside_the_old_one(host: ScratchDebian) -> None:
    renewed = anchor_of(make_root("Lab root", key=KEY, not_after=NOW + timedelta(days=5000)))
    settle("install", host)
    assert apply("inspect", host, renewed).state == "absent"
    settle("install", host, renewed)
    assert apply("inspect", host).state == "trusted"
    settle("remove", host)
    assert apply("inspect", host, renewed).state == "trusted"


def test_a_wrong_clock_is_not_the_stores_fault(host: ScratchDebian) -> None:
    settle("install", host, anchor_of(make_root(not_after=NOW - timedelta(hours=1))))


def test_the_callers_own_trust_settings_prove_nothing(host: ScratchDebian, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(host.put(host.root / "elsewhere.pem", pem_of(ROOT))))
    outcome = apply("inspect", host)
    assert outcome.state == "absent"
    assert any("-CAfile" in sentence and "refuses it" in sentence for sentence in outcome.evidence)


def test_what_the_distribution_trusts_is_trusted_without_a_file(host: ScratchDebian) -> None:
    packaged = anchor_of(host.packaged)
    assert apply("install", host, packaged).state == "trusted"
    assert host.spent() == []
    outcome = apply("remove", host, packaged)
    assert outcome.state == "failed"
    assert f"{host.root}/usr/share/ca-certificates/public-1.crt holds it" in outcome.evidence[0]


def test_without_openssl_the_evidence_says_what_is_missing(
    host: ScratchDebian,
) -> None:
    settle("install", host)
    outcome = apply("inspect", host, search_path=str(host.root))
    assert outcome.state == "trusted"
    assert sum("there is no openssl command" in sentence for sentence in outcome.evidence) == 2


# --- what a former run, a crash or a person left


def test_a_refresh_that_failed_last_time_is_done_again(host: ScratchDebian) -> None:
    host.put(host.own_file(ANCHOR), pem_of(ROOT))
    assert apply("inspect", host).state == "stale"
    settle("install", host)
    assert openssl_trusts(host) == [True, True]
    assert host.spent() == [FRESH]


def test_a_source_that_is_gone_is_put_back(host: ScratchDebian) -> None:
    settle("install", host)
    host.own_file(ANCHOR).unlink()
    assert apply("inspect", host).state == "stale"
    settle("install", host)
    assert openssl_trusts(host) == [True, True]


@pytest.mark.parametrize("refreshed", [False, True], ids=["at once", "after a plain refresh"])
def test_what_a_deleted_source_leaves_behind_is_removed(host: ScratchDebian, refreshed: bool) -> None:
    settle("install", host)
    host.own_file(ANCHOR).unlink()
    if refreshed:
        host.refresh()  # leaves the links, dangling
    assert apply("inspect", host).state == "stale"
    settle("remove", host)
    assert not [link for link in host.links.iterdir() if not link.exists()]


def test_dangling_links_do_not_hinder_an_installation(host: ScratchDebian) -> None:
    settle("install", host)
    host.own_file(ANCHOR).unlink()
    host.refresh()
    settle("install", host)
    assert openssl_trusts(host) == [True, True]


def test_new_content_under_the_same_name_leaves_stale_links_which_are_repaired(host: ScratchDebian) -> None:
    corporate = host.put(host.anchors / "corporate.crt", pem_of(OTHER_ROOT))
    host.refresh()
    host.put(corporate, pem_of(ROOT))
    host.refresh()
    assert openssl_trusts(host) == [True, False], "update-ca-certificates has learned to fix this itself"
    assert apply("inspect", host).state == "stale"
    settle("install", host)
    assert openssl_trusts(host) == [True, True]


@pytest.mark.parametrize("content", [pem_of(OTHER_ROOT), pem_of(ROOT)[:100], b""], ids=["another's", "half", "empty"])
@pytest.mark.parametrize("operation", ["install", "remove"])
def test_a_file_of_our_name_with_other_content_is_replaced_or_removed(
    host: ScratchDebian, content: bytes, operation: str
) -> None:
    host.put(host.own_file(ANCHOR), content)
    outcome = settle(operation, host)
    assert f"{host.own_file(ANCHOR)} does not hold what its name says" in outcome.before.evidence
    assert openssl_trusts(host) == [operation == "install"] * 2
    assert openssl_trusts(host, OTHER) == [False, False]


@pytest.mark.parametrize("name", ["corporate.crt", f"{ANCHOR.name}.crt"], ids=["a person's", "ours"])
def test_an_anchor_that_only_root_can_read_is_opened(host: ScratchDebian, name: str) -> None:
    copy = host.put(host.anchors / name, pem_of(ROOT), mode=0o600)
    host.refresh()
    outcome = apply("inspect", host)
    assert outcome.state == "stale"
    assert f"{copy} holds it, but {copy} is closed to other users" in outcome.evidence
    settle("install", host)
    assert copy.stat().st_mode & 0o777 == 0o644


@needs_labels
def test_an_anchor_of_another_selinux_type_is_written_anew(host: ScratchDebian) -> None:
    settle("install", host)
    own = host.own_file(ANCHOR)
    set_label(host.anchors, "system_u:object_r:cert_t:s0")
    set_label(own, "system_u:object_r:cert_t:s0")
    assert apply("inspect", host).state == "trusted"
    set_label(own, "unconfined_u:object_r:user_home_t:s0")
    outcome = apply("inspect", host)
    assert outcome.state == "stale"
    assert f"{own} has the SELinux type user_home_t, where a new file gets cert_t" in outcome.evidence
    inode = own.stat().st_ino
    settle("install", host)
    assert own.stat().st_ino != inode  # the kernel gives a new file its type, or here none


def test_a_bundle_that_only_root_can_read_is_stale(host: ScratchDebian) -> None:
    settle("install", host)
    host.bundle.chmod(0o600)
    assert apply("inspect", host).state == "stale"
    settle("install", host)


def test_a_missing_bundle_is_made_again(host: ScratchDebian) -> None:
    settle("install", host)
    host.bundle.unlink()
    settle("install", host)


def test_a_draft_of_a_killed_run_is_cleared(host: ScratchDebian) -> None:
    draft = host.put(host.anchors / f".{ANCHOR.name}.crt.new", b"half a certi")
    settle("install", host)
    assert not draft.exists()


@pytest.mark.parametrize(
    "content",
    [
        pem_of(OTHER_ROOT).rstrip(),
        pem_of(OTHER_ROOT).replace(b"\n", b"\r\n"),
        HARMLESS_DER,
        pem_of(OTHER_ROOT) + pem_of(make_root()),
    ],
    ids=["no final newline", "CRLF", "DER", "two certificates"],
)
def test_a_careless_neighbour_does_not_hinder(host: ScratchDebian, content: bytes) -> None:
    neighbour = host.put(host.anchors / "a-neighbour.crt", content)
    settle("install", host)
    assert openssl_trusts(host) == [True, True]
    settle("remove", host)
    assert neighbour.read_bytes() == content


def test_a_copy_that_another_file_of_its_name_hides_is_not_relied_upon(host: ScratchDebian) -> None:
    for folder, certificate in (("a", ROOT), ("b", OTHER_ROOT)):
        host.put(host.anchors / folder / "corporate.crt", pem_of(certificate))
    host.refresh()
    assert openssl_trusts(host) == [True, False], "update-ca-certificates has learned to link both"
    assert apply("inspect", host).state == "stale"
    settle("install", host)
    assert openssl_trusts(host) == [True, True]


@pytest.mark.parametrize("body", ["AAAA", "?AAA", "MII"], ids=["no certificate", "no base64", "cut off"])
def test_a_damaged_neighbour_keeps_openssl_from_the_bundle_and_is_named(host: ScratchDebian, body: str) -> None:
    neighbour = host.put(
        host.anchors / "a-neighbour.crt", f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n".encode()
    )
    outcome = apply("install", host)
    assert outcome.state == "failed"
    assert f"{neighbour} is damaged" in outcome.evidence[0]
    assert f"openssl verify -CAfile {host.bundle} refuses it: Error loading file" in outcome.evidence[0]
    neighbour.unlink()
    settle("install", host)


def test_a_neighbour_behind_which_openssl_reads_nothing_is_named(host: ScratchDebian) -> None:
    neighbour = host.put(host.anchors / "a-neighbour.crt", ENDING_DER)
    outcome = apply("install", host)
    assert outcome.state == "failed"
    assert f"openssl verify -CAfile {host.bundle} refuses it: " in outcome.evidence[0]
    told = f"{neighbour} is in {host.bundle} as it is, and OpenSSL reads nothing behind it there: convert it to PEM"
    assert told in outcome.evidence[0]
    assert neighbour.read_bytes() == ENDING_DER
    assert told in " ".join(apply("inspect", host).evidence)
    host.put(neighbour, pem_of(x509.load_der_x509_certificate(ENDING_DER)))
    assert told not in " ".join(settle("install", host).evidence)
    assert openssl_trusts(host) == [True, True]


def test_a_copy_behind_which_openssl_reads_nothing_is_named(host: ScratchDebian) -> None:
    ending = make_root(serial=0x0A0001)
    copy = host.put(host.anchors / "a-copy.crt", der_of(ending))
    assert f"{copy} is in {host.bundle} as it is" in apply("install", host, anchor_of(ending)).evidence[0]
    copy.unlink()
    settle("install", host, anchor_of(ending))


def test_the_only_anchor_of_a_host_comes_and_goes(host: ScratchDebian) -> None:
    (host.root / "etc/ca-certificates.conf").write_text("!public-1.crt\n!public-2.crt\n")
    settle("install", host)
    assert openssl_trusts(host, anchor_of(host.packaged)) == [False, False]
    settle("remove", host)
    assert openssl_trusts(host) == [False, False]


def test_odd_things_among_the_anchors_are_passed_by(host: ScratchDebian) -> None:
    os.mkfifo(host.anchors / "pipe.crt")
    (host.anchors / "gone.crt").symlink_to("/nowhere")
    (host.anchors / "circle").symlink_to(host.anchors)
    assert apply("inspect", host).state == "absent"


# --- removal by fingerprint


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("corporate.crt", pem_of(ROOT)),
        ("team/deep/corporate.crt", pem_of(ROOT)),
        ("text.crt", b"Our root:\n" + pem_of(ROOT)),
        ("der.crt", der_of(ROOT)),
    ],
    ids=["another name", "a folder below", "text around", "DER"],
)
def test_a_copy_under_any_name_is_removed(host: ScratchDebian, name: str, content: bytes) -> None:
    copy = host.put(host.anchors / name, content)
    host.refresh()
    settle("remove", host)
    assert not copy.exists()
    assert openssl_trusts(host) == [False, False]


@pytest.mark.parametrize("relative", [False, True])
def test_a_linked_folder_of_anchors_is_one(host: ScratchDebian, tmp_path: Path, relative: bool) -> None:
    elsewhere = tmp_path / "elsewhere"
    host.anchors.rename(elsewhere)
    host.anchors.symlink_to(os.path.relpath(elsewhere, host.anchors.parent) if relative else elsewhere)
    before = host.picture()
    foreseen = apply("install", host, check_mode=True)
    assert (foreseen.changed, foreseen.state) == (True, "trusted")
    assert host.picture() == before
    settle("install", host)
    assert (elsewhere / host.own_file(ANCHOR).name).is_file()
    assert openssl_trusts(host) == [True, True]
    assert apply("inspect", host).state == "trusted"
    assert apply("remove", host, check_mode=True).state == "absent"
    settle("remove", host)
    assert openssl_trusts(host) == [False, False]
    assert (host.anchors.is_symlink(), list(elsewhere.iterdir())) == (True, [])


def test_of_a_linked_copy_only_the_link_is_removed(host: ScratchDebian) -> None:
    target = host.put(host.root / "opt/corporate.pem", pem_of(ROOT))
    (host.anchors / "corporate.crt").symlink_to(target)
    host.refresh()
    settle("remove", host)
    assert target.read_bytes() == pem_of(ROOT)


@pytest.mark.parametrize(
    "company",
    [pem_of(OTHER_ROOT), KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())],
    ids=["another certificate", "a private key"],
)
def test_a_file_that_holds_more_is_reported_and_left(host: ScratchDebian, company: bytes) -> None:
    shared = host.put(host.anchors / "shared.crt", pem_of(ROOT) + company)
    host.refresh()
    settle("install", host)
    outcome = apply("remove", host)
    assert outcome.state == "failed"
    assert f"{shared} holds it together with other things" in outcome.evidence[0]
    assert shared.read_bytes() == pem_of(ROOT) + company
    assert not host.own_file(ANCHOR).exists()
    preview = apply("remove", host, check_mode=True)
    assert preview.state == "failed"


def test_a_certificate_beside_the_source_folder_is_reported(host: ScratchDebian) -> None:
    host.put(host.links / "hand-made.pem", pem_of(ROOT))
    subprocess.run(["openssl", "rehash", host.links], check=True, capture_output=True)
    outcome = apply("remove", host)
    assert outcome.state == "failed"
    assert f"leads to it in {host.links / 'hand-made.pem'}" in outcome.evidence[0]


# --- what cannot be done


def test_a_refresh_that_does_nothing_is_detected_and_rolled_back(host: ScratchDebian) -> None:
    host.set_program("#!/bin/sh\nexit 0\n")
    before = host.picture()
    outcome = apply("install", host)
    assert outcome.state == "failed"
    assert not outcome.changed
    assert f"{host.bundle} lacks it" in outcome.evidence[0]
    assert outcome.evidence[0].endswith("The change was rolled back.")
    assert shortfall("install", [outcome]).startswith("debian: After the refresh it is stale, not trusted")
    assert host.picture() == before


def test_a_failing_refresh_is_reported_in_its_own_words_and_does_no_more_harm(host: ScratchDebian) -> None:
    host.set_program("#!/bin/sh\necho 'no hash for you' >&2\nexit 3\n")
    before = host.picture()
    outcome = apply("install", host)
    assert (outcome.state, outcome.changed) == ("failed", False)
    assert outcome.evidence[0] == f"{host.program} failed: no hash for you. The change was rolled back."
    assert host.picture() == before


def test_a_refresh_that_fails_half_way_is_cleared_without_a_rebuild(host: ScratchDebian) -> None:
    own = host.own_file(ANCHOR)
    links = f"ln -s {own} {host.links}/{ANCHOR.name}.pem; ln -s {ANCHOR.name}.pem {host.links}/0badcafe.0"
    host.set_program(f'#!/bin/sh\n[ "$1" ] && rm -r {host.links}\n{links}\nexit 3\n')
    before = host.picture()
    assert apply("install", host).state == "failed"
    assert host.picture() == before


def test_a_removal_that_fails_half_way_has_changed_something(host: ScratchDebian) -> None:
    settle("install", host)
    _interpreter, wrapped = host.program.read_text().split("\n", 1)
    host.set_program(f'#!/bin/sh\n[ "$1" = --fresh ] && exit 3\n{wrapped}')
    outcome = apply("remove", host)
    assert (outcome.state, outcome.changed) == ("failed", True)
    assert outcome.evidence[0] == f"{host.program} --fresh failed: exit status 3."
    assert f"{host.bundle} holds it" in outcome.evidence


def test_a_change_that_cannot_be_rolled_back_is_reported(host: ScratchDebian) -> None:
    host.set_program(f'#!/bin/sh\n[ "$1" ] && exit 3\ncat {host.own_file(ANCHOR)} >> {host.bundle}\n')
    outcome = apply("install", host)
    assert (outcome.state, outcome.changed) == ("failed", True)
    assert "Rolling the change back failed as well: " in outcome.evidence[0]
    assert not host.own_file(ANCHOR).exists()


def break_openssl(host: ScratchDebian) -> None:
    """As where it was moved away, or a library of its is missing."""
    broken = host.root / "broken"
    broken.mkdir()
    (broken / "openssl").write_text("#!/bin/sh\necho 'openssl: not found' >&2\nexit 127\n")
    (broken / "openssl").chmod(0o755)
    interpreter, wrapped = host.program.read_text().split("\n", 1)
    host.set_program(f"{interpreter}\nPATH={broken}:$PATH\n{wrapped}")


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_removal_is_not_begun_where_the_refresh_cannot_work(host: ScratchDebian, check_mode: bool) -> None:
    settle("install", host)
    sound = host.program.read_text()
    break_openssl(host)
    before = host.picture()
    outcome = apply("remove", host, check_mode=check_mode)
    assert (outcome.state, outcome.changed) == ("failed", False)
    assert re.search("tried in a scratch folder, failed: .*Nothing was changed", outcome.evidence[0])
    assert host.picture() == before
    assert openssl_trusts(host) == [True, True]
    host.set_program(sound)
    settle("remove", host)
    assert openssl_trusts(host) == [False, False]


def test_a_refresh_that_failed_is_healed_by_the_next_run(host: ScratchDebian) -> None:
    settle("install", host)
    for link in host.links.iterdir():  # as an administrator's own attempt left it
        if link.is_symlink():
            link.unlink()
    sound = host.program.read_text()
    break_openssl(host)
    failed = apply("install", host)
    assert failed.state == "failed"
    assert openssl_trusts(host)[1] is False
    host.set_program(sound)
    assert "is left of a refresh that did not complete" in " ".join(apply("inspect", host).evidence)
    settle("install", host)
    assert openssl_trusts(host) == [True, True]


@pytest.mark.parametrize("operation", ["install", "remove"])
def test_without_room_for_a_refresh_nothing_is_begun(
    host: ScratchDebian, operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if operation == "remove":
        settle("install", host)
    fill_disk(monkeypatch)
    before = host.picture()
    outcome = apply(operation, host)
    assert (outcome.state, outcome.changed) == ("failed", False)
    assert "make room first." in outcome.evidence[0]
    assert host.picture() == before


def test_a_hanging_refresh_is_ended_with_its_children(host: ScratchDebian) -> None:
    child = host.root / "child"
    host.set_program(f'#!/bin/sh\n[ "$1" ] && exit\nsleep 600 & echo $! > {child}\nwait\n')
    outcome = apply("install", host, refresh_timeout=0.5)
    assert "did not finish within 0.5 seconds and was stopped" in outcome.evidence[0]
    status = Path("/proc", child.read_text().strip(), "status")
    assert not status.exists() or "State:\tZ" in status.read_text()


def test_a_former_file_is_put_back_when_the_proof_fails(host: ScratchDebian) -> None:
    host.set_program("#!/bin/sh\nexit 0\n")
    own = host.put(host.own_file(ANCHOR), b"what was there")
    copy = host.put(host.anchors / "corporate.crt", pem_of(ROOT), mode=0o600)
    assert apply("install", host).state == "failed"
    assert own.read_bytes() == b"what was there"
    assert copy.stat().st_mode & 0o777 == 0o600


def test_a_folder_that_other_users_cannot_enter_fails_the_proof(host: ScratchDebian) -> None:
    host.anchors.chmod(0o700)
    outcome = apply("install", host)
    assert outcome.state == "failed"
    assert f"but {host.anchors} is closed to other users" in outcome.evidence[0]
    assert openssl_trusts(host) == [False, False]


def test_a_folder_that_everybody_may_write_is_refused(host: ScratchDebian) -> None:
    host.anchors.chmod(0o777)
    outcome = apply("install", host)
    assert outcome.state == "failed"
    assert f"{host.anchors} is writable by all users" in outcome.evidence[0]
    assert list(host.anchors.iterdir()) == []


def test_a_file_in_the_place_of_the_folder_is_named(host: ScratchDebian) -> None:
    host.anchors.rmdir()
    host.put(host.anchors, b"")
    outcome = apply("install", host)
    assert outcome.state == "failed"
    assert f"{host.anchors} cannot be read or changed: Not a directory." in outcome.evidence[0]


def test_a_missing_folder_is_made_for_everybody_to_read(host: ScratchDebian) -> None:
    host.anchors.rmdir()
    settle("install", host)


def test_without_the_package_the_store_is_unavailable(host: ScratchDebian) -> None:
    host.program.unlink()
    outcome = apply("install", host)
    assert (outcome.state, outcome.changed) == ("unavailable", False)
    assert shortfall("install", [outcome]) == (
        "debian: /usr/sbin/update-ca-certificates is missing: install the package ca-certificates."
    )
    assert apply("inspect", host).state == "unavailable"
    assert shortfall("inspect", [apply("inspect", host)]) == ""


def test_without_the_package_nothing_has_to_be_removed(host: ScratchDebian) -> None:
    host.program.unlink()
    assert apply("remove", host).state == "absent"


def test_without_the_package_a_trace_cannot_be_removed(host: ScratchDebian) -> None:
    settle("install", host)
    host.program.unlink()
    outcome = apply("remove", host)
    assert outcome.state == "unavailable"
    assert "install the package ca-certificates" in shortfall("remove", [outcome])


def test_an_unknown_platform_is_refused_with_what_was_looked_for(host: ScratchDebian) -> None:
    (host.root / "etc/debian_version").unlink()
    with pytest.raises(HostError, match=r"Looked for: /etc/debian_version \(Debian, Ubuntu and their derivatives\)"):
        apply("install", host)


def test_a_second_run_waits_and_then_gives_up(host: ScratchDebian) -> None:
    lock = host.put(host.lock, b"")
    with lock.open() as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(HostError, match="Another run is changing what this host trusts"):
            apply("install", host, lock_timeout=0)
        assert apply("inspect", host).state == "absent"
    settle("install", host)


def test_the_lock_is_gone_afterwards(host: ScratchDebian) -> None:
    """It would be part of an image that is built."""
    settle("install", host)
    assert not host.lock.exists()


def test_a_lock_that_cannot_be_taken_is_named(host: ScratchDebian) -> None:
    (host.lock).symlink_to(host.root / "elsewhere")
    with pytest.raises(HostError, match=r"The lock .*anchorage-trust\.lock cannot be taken"):
        apply("install", host)
    assert not (host.root / "elsewhere").exists()


def test_only_root_may_change_the_real_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    host = ScratchHost(Path("/"))
    request = Request("install", ANCHOR, tuple(host.kinds), host.settings.java_password, ())
    with pytest.raises(HostError, match="set become to true"):
        engine.apply(request, host.settings, check_mode=True, kinds=host.table)


# --- check mode


@pytest.mark.parametrize("operation", ["install", "remove"])
def test_check_mode_names_our_file_first(host: ScratchDebian, operation: str) -> None:
    if operation == "remove":
        apply("install", host)
    assert str(host.own_file(ANCHOR)) in apply(operation, host, check_mode=True).evidence[0]


def test_check_mode_previews_that_the_package_is_missing(host: ScratchDebian) -> None:
    host.program.unlink()
    assert apply("install", host, check_mode=True).state == "unavailable"


def test_check_mode_previews_what_stands_in_the_way(host: ScratchDebian, monkeypatch: pytest.MonkeyPatch) -> None:
    host.anchors.chmod(0o777)
    preview = apply("install", host, check_mode=True)
    assert (preview.state, preview.changed) == ("failed", False)
    assert apply("install", host).evidence[0].startswith(preview.evidence[0])
    host.anchors.chmod(0o755)
    fill_disk(monkeypatch)
    preview = apply("install", host, check_mode=True)
    assert "make room first." in preview.evidence[0]


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_store_on_a_read_only_file_system_is_reported_and_unchanged(
    host: ScratchDebian, monkeypatch: pytest.MonkeyPatch, check_mode: bool
) -> None:
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: path != str(host.links) and access(path, mode))
    outcome = apply("install", host, check_mode=check_mode)
    assert (outcome.state, outcome.changed) == ("failed", False)
    assert f"{host.links} is not writable" in outcome.evidence[0]
    assert not host.own_file(ANCHOR).exists()


def test_a_former_anchor_in_somebody_elses_file_is_reported_alike_each_time(host: ScratchDebian) -> None:
    settle("install", host)
    former = Anchor("anchorage-former", pem_of(OTHER_ROOT).decode())
    host.put(host.anchors / "corporate.crt", pem_of(OTHER_ROOT) + pem_of(make_root("Neighbour")))
    host.refresh()
    for check_mode in (True, False, False):
        outcome = apply("install", host, superseded=[former], check_mode=check_mode)
        assert (outcome.state, outcome.changed) == ("failed", False)
        assert "A trace of the former anchor anchorage-former is left" in outcome.evidence[0]


# --- several stores


SYSTEM = KINDS[0]
LACKS_IT = Finding("absent", ("it lacks it",))


def apply_to(host: ScratchDebian, operation: str, *table: Kind, kinds: Sequence[str] = ("system", "nss")) -> Any:
    """What becomes of the stores of these kinds."""
    host.table = table
    return apply_all(operation, host, kinds=kinds)


def test_one_stores_failure_does_not_keep_another_from_its_turn(host: ScratchDebian) -> None:
    broken = StubStore("broken", inspect=PermissionError(13, "Permission denied", "/broken/store"))
    outcomes = apply_to(host, "install", kind_of(broken), SYSTEM)
    assert [(outcome.name, outcome.state) for outcome in outcomes] == [("broken", "failed"), ("debian", "trusted")]
    assert shortfall("install", outcomes) == "broken: /broken/store cannot be read or changed: Permission denied."


@pytest.mark.parametrize("method", ["find", "inspect", "install"])
def test_nor_does_an_unexpected_error(host: ScratchDebian, method: str) -> None:
    error = KeyError("secret words")
    kind = kind_of(error=error) if method == "find" else kind_of(StubStore(**{"inspect": LACKS_IT, method: error}))
    outcomes = apply_to(host, "install", kind, SYSTEM)
    assert {outcome.kind: outcome.state for outcome in outcomes} == {"nss": "failed", "system": "trusted"}
    reason = shortfall("install", outcomes)
    assert "Internal error in stub_stores.py, line " in reason
    assert "secret" not in reason


@pytest.mark.parametrize("operation", ["inspect", "install", "remove"])
def test_what_only_its_user_can_open_fails_nothing(host: ScratchDebian, operation: str) -> None:
    locked = StubStore(inspect=Finding("needs_user", ("locked",), private=True))
    outcomes = apply_to(host, operation, kind_of(locked), kinds=["nss"])
    assert [(outcome.state, outcome.changed, outcome.evidence) for outcome in outcomes] == [
        ("needs_user", False, ("locked",))
    ]
    assert shortfall(operation, outcomes) == ""


def test_where_there_is_no_store_of_a_kind_nothing_has_to_be_removed(host: ScratchDebian) -> None:
    assert apply_to(host, "remove", kind_of(), kinds=["nss"]) == []
    with pytest.raises(HostError, match="Looked for: nothing"):
        apply_to(host, "install", kind_of(), kinds=["nss"])


def test_a_missing_program_is_no_failure_beside_a_store_that_trusts() -> None:
    found = Finding("absent", ())
    outcomes = [
        StoreOutcome("system", "debian", "curl", "trusted", True, found, ("there",)),
        StoreOutcome("java", "java", "Java", "unavailable", False, found, ("keytool is missing.",)),
    ]
    assert shortfall("install", outcomes) == ""
    assert shortfall("remove", outcomes) == "java: keytool is missing."
