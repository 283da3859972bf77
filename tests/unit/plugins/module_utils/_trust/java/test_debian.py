# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of Debian's Java store: a keystore of the real keytool's, dpkg's part played by a script."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._trust.java import debian as debian_java
from ansible_collections.anchorage.pki.plugins.module_utils._trust.shortfall import shortfall
from ansible_collections.anchorage.pki.tests.unit.scratch_debian_java import ScratchDebianJava
from ansible_collections.anchorage.pki.tests.unit.scratch_host import ANCHOR, apply

pytestmark = pytest.mark.skipif(shutil.which("keytool") is None, reason="needs a JDK")


@pytest.fixture
def host(tmp_path: Path) -> ScratchDebianJava:
    return ScratchDebianJava(tmp_path / "host")


def test_what_the_systems_refresh_did_not_feed_is_fed(host: ScratchDebianJava) -> None:
    assert apply("inspect", host).state == "absent"
    assert apply("install", host, check_mode=True).state == "trusted"
    assert host.aliases() == ["debian:other.pem"]
    outcome = apply("install", host)
    assert (outcome.name, outcome.state, outcome.changed) == ("debian-java", "trusted", True), outcome.evidence
    assert host.aliases() == ["debian:other.pem", "debian:ours.pem"]
    assert not apply("install", host).changed


def test_what_a_removal_leaves_behind_is_removed_by_fingerprint(host: ScratchDebianJava) -> None:
    for alias in ("debian:former-name.pem", "by-hand"):
        host.add(alias, ANCHOR.pem)
    assert apply("remove", host, check_mode=True).state == "absent"
    outcome = apply("remove", host)
    assert (outcome.state, outcome.changed) == ("absent", True), outcome.evidence
    assert host.aliases() == ["debian:other.pem"]
    assert not apply("remove", host).changed


@pytest.mark.parametrize("check_mode", [True, False])
def test_an_administrator_who_opted_out_is_asked(host: ScratchDebianJava, check_mode: bool) -> None:
    host.defaults.write_text("cacerts_updates=no\n")
    outcome = apply("install", host, check_mode=check_mode)
    assert (outcome.state, outcome.changed) == ("needs_user", False)
    assert "cacerts_updates" in outcome.evidence[0]
    assert shortfall("install", [outcome]) == ""
    assert not apply("remove", host, check_mode=check_mode).changed


def test_a_trigger_that_fails_is_reported_in_its_own_words(host: ScratchDebianJava) -> None:
    host.set_program(host.root / "bin/dpkg", "echo 'dpkg: error: lock held'; exit 2")
    outcome = apply("install", host)
    assert (outcome.state, outcome.changed) == ("failed", False)
    assert outcome.evidence[0].startswith("dpkg --triggers-only --pending failed: dpkg: error: lock held.")


def test_a_trigger_that_does_nothing_is_detected(host: ScratchDebianJava) -> None:
    host.set_program(host.root / "bin/dpkg", "exit 0")
    outcome = apply("install", host)
    assert outcome.state == "failed"
    assert f"{host.keystore} lacks it" in outcome.evidence[0]


def test_a_wrong_password_keeps_a_trace_and_is_reported(host: ScratchDebianJava) -> None:
    apply("install", host)
    host.defaults.write_text("storepass=wrong\n")
    outcome = apply("remove", host)
    assert (outcome.state, outcome.changed) == ("needs_user", False)
    assert "password" in shortfall("remove", [outcome])
    assert "debian:ours.pem" in host.aliases()


def test_a_host_without_the_keystore_has_no_such_store(host: ScratchDebianJava) -> None:
    host.keystore.unlink()
    assert debian_java.find(host.settings) == []
