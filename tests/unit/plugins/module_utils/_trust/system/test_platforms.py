# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the traps of RHEL, SUSE, Arch and Alpine, over p11-kit's real engine and ``openssl rehash``.

Another program confirms what is trusted: openssl, over the file that most programs read.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._trust.shortfall import shortfall
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import Anchor
from ansible_collections.anchorage.pki.tests.unit.roots import der_of, make_root, pem_of
from ansible_collections.anchorage.pki.tests.unit.scratch_host import ANCHOR, FORMER, ROOT, apply, settle
from ansible_collections.anchorage.pki.tests.unit.scratch_platforms import (
    P11_KIT,
    PLATFORMS,
    ScratchPlatform,
    scratch_platform,
)

BUNDLES = {
    "redhat-9": "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "redhat-10": "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "suse": "/var/lib/ca-certificates/ca-bundle.pem",
    "arch": "/etc/ca-certificates/extracted/tls-ca-bundle.pem",
    "alpine": "/etc/ssl/certs/ca-certificates.crt",
}
LEGACY = {
    "redhat-9": "/etc/pki/tls/certs/ca-bundle.crt",
    "redhat-10": "/etc/ssl/cert.pem",
    "suse": "/etc/ssl/ca-bundle.pem",
    "arch": "/etc/ssl/cert.pem",
    "alpine": "/etc/ssl/cert.pem",
}


@pytest.fixture(params=PLATFORMS)
def host(request: pytest.FixtureRequest) -> Iterator[ScratchPlatform]:
    with scratch_platform(request.param) as host:
        yield host


@pytest.fixture(params=P11_KIT)
def p11_kit_host(request: pytest.FixtureRequest) -> Iterator[ScratchPlatform]:
    with scratch_platform(request.param) as host:
        yield host


@pytest.fixture
def suse() -> Iterator[ScratchPlatform]:
    with scratch_platform("suse") as host:
        yield host


@pytest.fixture
def alpine() -> Iterator[ScratchPlatform]:
    with scratch_platform("alpine") as host:
        yield host


def settle_and_confirm(operation: str, host: ScratchPlatform) -> None:
    """Settle, and have openssl confirm it."""
    settle(operation, host)
    assert openssl_trusts(host) == (operation == "install")


def openssl_trusts(host: ScratchPlatform, anchor: Anchor = ANCHOR, path: str = "") -> bool:
    """Without a partial chain, openssl accepts a root only where this very certificate is trusted, and no other of its
    subject before it."""
    bundle = host.path(path or BUNDLES[host.name])
    command = ["openssl", "verify", "-no_check_time", "-no-CApath", "-no-CAstore", "-CAfile", str(bundle)]
    return subprocess.run(command, input=anchor.pem.encode(), capture_output=True, check=False).returncode == 0


# --- the plain way


def test_it_comes_and_goes_with_one_refresh_each(host: ScratchPlatform) -> None:
    before = host.trusted()
    settle_and_confirm("install", host)
    assert openssl_trusts(host, path=LEGACY[host.name])
    settle_and_confirm("remove", host)
    assert host.trusted() == before


@pytest.mark.parametrize("operation", ["install", "remove"])
def test_check_mode_tries_it_elsewhere(host: ScratchPlatform, operation: str) -> None:
    if operation == "remove":
        apply("install", host)
    preview = apply(operation, host, check_mode=True)
    # Alpine's command cannot be made to work elsewhere.
    assert ("tried in a scratch folder" in preview.evidence[-1]) == (host.name != "alpine")


def test_a_renewed_root_takes_the_place_of_the_former_one(host: ScratchPlatform) -> None:
    apply("install", host, FORMER)
    assert (openssl_trusts(host, FORMER), openssl_trusts(host)) == (True, False)
    outcome = apply("install", host, superseded=[FORMER])
    assert (outcome.state, outcome.changed, len(outcome.purged)) == ("trusted", True, 1)
    assert (openssl_trusts(host, FORMER), openssl_trusts(host)) == (False, True)


def test_a_link_that_a_former_root_left_does_not_hide_the_renewed_one(host: ScratchPlatform) -> None:
    for anchor in (FORMER, ANCHOR):
        apply("install", host, anchor)
    host.own_file(FORMER).unlink()
    host.refresh()
    apply("install", host)
    outcome = apply("inspect", host)
    assert outcome.state == "trusted", outcome.evidence


# --- refreshes that succeed and do not


def test_a_refresh_that_does_nothing_is_detected_and_rolled_back(host: ScratchPlatform) -> None:
    host.set_program("#!/bin/sh\nexit 0\n")  # as that of EL 6 does until it is enabled
    outcome = apply("install", host)
    assert (outcome.state, outcome.changed) == ("failed", False)
    assert outcome.evidence[0].endswith("The change was rolled back.")
    assert list(host.anchors.iterdir()) == []


def test_a_step_that_fails_amid_a_refresh_is_detected(p11_kit_host: ScratchPlatform) -> None:
    trust_program = p11_kit_host.root / "bin/trust"
    sound = trust_program.read_text()
    heading, rest = sound.split("\n", 1)
    trust_program.write_text(f'{heading}\ncase "$*" in *java-cacerts*) exit 1 ;; esac\n{rest}')
    outcome = apply("install", p11_kit_host)
    assert outcome.state == "failed"
    assert not openssl_trusts(p11_kit_host)
    trust_program.write_text(sound)
    settle_and_confirm("install", p11_kit_host)


def test_what_was_never_refreshed_is_not_trusted(host: ScratchPlatform) -> None:
    host.put(f"{PLATFORMS[host.name].anchors}/by-hand.crt", pem_of(ROOT))  # where `trust list` shows it at once
    assert apply("inspect", host).state == "stale"
    settle_and_confirm("install", host)


# --- sources


def test_what_is_left_out_in_silence_does_no_harm(host: ScratchPlatform) -> None:
    leaf = make_root("Leaf", ca=False)
    host.put(f"{PLATFORMS[host.name].anchors}/garbage.crt", b"garbage\n")
    host.put(f"{PLATFORMS[host.name].anchors}/leaf.crt", pem_of(leaf))
    settle_and_confirm("install", host)
    settle_and_confirm("remove", host)


@pytest.mark.parametrize("content", [pem_of(ROOT), der_of(ROOT)], ids=["PEM", "DER"])
def test_a_copy_of_any_name_and_form_counts_and_goes(p11_kit_host: ScratchPlatform, content: bytes) -> None:
    copy = p11_kit_host.put(f"{PLATFORMS[p11_kit_host.name].anchors}/corporate root", content)
    p11_kit_host.refresh()
    outcome = apply("install", p11_kit_host)
    assert (outcome.state, outcome.changed) == ("trusted", False)
    settle_and_confirm("remove", p11_kit_host)
    assert not copy.exists()


def test_an_anchor_that_only_root_can_read_is_opened(host: ScratchPlatform) -> None:
    settle_and_confirm("install", host)
    host.own_file(ANCHOR).chmod(0o600)
    assert apply("inspect", host).state == "stale"
    settle_and_confirm("install", host)
    assert host.own_file(ANCHOR).stat().st_mode & 0o777 == 0o644


def test_a_copy_on_the_blocklist_beats_the_anchor(p11_kit_host: ScratchPlatform) -> None:
    blocked = p11_kit_host.put(f"{PLATFORMS[p11_kit_host.name].sources}/blocklist/ours.pem", pem_of(ROOT))
    outcome = apply("install", p11_kit_host)
    assert (outcome.state, outcome.changed) == ("blocked", False)
    assert str(blocked) in outcome.evidence[0]
    blocked.unlink()
    settle_and_confirm("install", p11_kit_host)


def test_linked_folders_of_anchors_and_of_blocked_ones_are_some(p11_kit_host: ScratchPlatform) -> None:
    """As p11-kit reads them, and the other platforms' own programs."""
    blocklist = p11_kit_host.path(f"{PLATFORMS[p11_kit_host.name].sources}/blocklist")
    for folder in (blocklist, p11_kit_host.anchors):
        folder.mkdir(exist_ok=True)
        elsewhere = p11_kit_host.path(f"/elsewhere-{folder.name}")
        folder.rename(elsewhere)
        folder.symlink_to(elsewhere)
    blocked = blocklist / "ours.pem"
    blocked.write_bytes(pem_of(ROOT))
    outcome = apply("install", p11_kit_host)
    assert (outcome.state, outcome.changed) == ("blocked", False)
    assert str(blocked) in outcome.evidence[0]
    blocked.unlink()
    settle_and_confirm("install", p11_kit_host)
    settle_and_confirm("remove", p11_kit_host)


def test_a_linked_folder_of_alpines_anchors_is_one(alpine: ScratchPlatform, tmp_path: Path) -> None:
    alpine.anchors.rename(tmp_path / "elsewhere")
    alpine.anchors.symlink_to(tmp_path / "elsewhere")
    settle_and_confirm("install", alpine)
    settle_and_confirm("remove", alpine)


def test_a_certificate_trusted_for_mail_alone_beats_the_anchor(p11_kit_host: ScratchPlatform) -> None:
    command = ["openssl", "x509", "-addtrust", "emailProtection", "-trustout"]
    limited = subprocess.run(command, input=pem_of(ROOT), check=True, capture_output=True).stdout
    path = p11_kit_host.put(f"{PLATFORMS[p11_kit_host.name].anchors}/mail.pem", limited)
    outcome = apply("install", p11_kit_host)
    assert (outcome.state, outcome.changed) == ("blocked", False)
    assert str(path) in outcome.evidence[0]
    path.unlink()
    settle_and_confirm("install", p11_kit_host)


# --- legacy paths


def test_a_missing_legacy_path_is_none_of_our_business(host: ScratchPlatform) -> None:
    legacy = host.path(LEGACY[host.name])
    legacy.unlink()
    # Arch's command makes it again.
    settle_and_confirm("install", host)
    assert legacy.exists() == (host.name == "arch")


def test_a_file_in_the_place_of_a_legacy_link_fails_the_installation(host: ScratchPlatform) -> None:
    legacy = host.path(LEGACY[host.name])
    legacy.unlink()
    legacy.write_bytes(pem_of(make_root("What an administrator froze")))
    if host.name == "arch":  # whose command puts the link back
        settle_and_confirm("install", host)
        return
    before = host.trusted()
    outcome = apply("install", host)
    assert (outcome.state, outcome.changed) == ("failed", False)
    assert f"{legacy} lacks it, and is a file of its own that no refresh feeds" in outcome.evidence[0]
    assert host.trusted() == before
    legacy.unlink()
    legacy.symlink_to(host.path(BUNDLES[host.name]))
    settle_and_confirm("install", host)


# --- SUSE


def test_a_bundle_that_seems_new_is_written_all_the_same(suse: ScratchPlatform) -> None:
    os.utime(suse.path(BUNDLES["suse"]), (time.time() + 3600,) * 2)
    settle_and_confirm("install", suse)


def test_inside_a_transactional_update_an_installation_is_pending(
    suse: ScratchPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply("install", suse, FORMER)
    with monkeypatch.context() as update:
        update.setenv("TRANSACTIONAL_UPDATE", "true")
        outcome = apply("install", suse, superseded=[FORMER])
        assert (outcome.state, outcome.changed) == ("pending", True)
        assert not apply("install", suse, superseded=[FORMER]).changed
    assert not openssl_trusts(suse)
    suse.refresh()  # the boot's
    assert (openssl_trusts(suse), openssl_trusts(suse, FORMER)) == (True, False)
    assert not apply("install", suse, superseded=[FORMER]).changed


def test_inside_a_transactional_update_a_removal_is_pending(
    suse: ScratchPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    for anchor in (FORMER, ANCHOR):
        apply("install", suse, anchor)
    bundle = suse.path(BUNDLES["suse"])
    before = bundle.read_bytes()
    with monkeypatch.context() as update:
        update.setenv("TRANSACTIONAL_UPDATE", "true")
        outcome = apply("remove", suse, superseded=[FORMER])
        assert (outcome.state, outcome.changed) == ("pending", True)
        assert shortfall("remove", [outcome]) == ""
        assert not apply("remove", suse, superseded=[FORMER]).changed
    assert bundle.read_bytes() == before
    suse.refresh()  # the boot's
    assert not openssl_trusts(suse)
    assert not openssl_trusts(suse, FORMER)
    assert not apply("remove", suse, superseded=[FORMER]).changed


# --- Alpine


def test_a_neighbour_without_a_final_newline_is_named(alpine: ScratchPlatform) -> None:
    neighbour = alpine.put(f"{PLATFORMS['alpine'].anchors}/a-neighbour", pem_of(make_root("Other")).rstrip())
    outcome = apply("install", alpine)
    assert outcome.state == "failed"
    assert str(neighbour) in outcome.evidence[0]
    neighbour.write_bytes(neighbour.read_bytes() + b"\n")
    settle_and_confirm("install", alpine)


@pytest.mark.parametrize("name", [".hidden.crt", "folder/deep.crt"])
def test_what_alpines_command_passes_by_is_no_source(alpine: ScratchPlatform, name: str) -> None:
    passed_by = alpine.put(f"{PLATFORMS['alpine'].anchors}/{name}", pem_of(ROOT))
    alpine.refresh()
    assert apply("inspect", alpine).state == "absent"
    settle_and_confirm("install", alpine)
    settle_and_confirm("remove", alpine)
    assert passed_by.exists()


def test_a_link_among_alpines_anchors_is_no_source(alpine: ScratchPlatform, tmp_path: Path) -> None:
    target = tmp_path / "root.pem"
    target.write_bytes(pem_of(ROOT))
    (alpine.anchors / "linked.crt").symlink_to(target)
    alpine.refresh()
    assert apply("inspect", alpine).state == "absent"


def test_without_the_command_the_package_is_named(host: ScratchPlatform) -> None:
    host.program.unlink()  # Alpine's ca-certificates-bundle has none
    outcome = apply("install", host)
    assert outcome.state == "unavailable"
    assert "install the package ca-certificates" in outcome.evidence[0]
