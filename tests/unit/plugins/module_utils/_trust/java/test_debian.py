# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of Debian's Java store: a keystore of the real keytool's, dpkg's part played by a script."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host import commands
from ansible_collections.anchorage.pki.plugins.module_utils._trust import engine as trust
from ansible_collections.anchorage.pki.plugins.module_utils._trust.java import debian as debian_java
from ansible_collections.anchorage.pki.tests.unit.roots import make_root
from ansible_collections.anchorage.pki.tests.unit.scratch_debian import anchor_of

pytestmark = pytest.mark.skipif(shutil.which("keytool") is None, reason="needs a JDK")

ANCHOR = anchor_of(make_root("Lab root"))
PASSWORD = "not the usual one"


class JavaHost:
    """A host whose keystore holds another root, with a password of the administrator's."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.keystore = root / "etc/ssl/certs/java/cacerts"
        self.settings = root / "etc/default/cacerts"
        hook = root / "etc/ca-certificates/update.d/jks-keystore"
        for path in (self.keystore, self.settings, hook, root / "bin/dpkg", root / "var/run/x"):
            path.parent.mkdir(parents=True, exist_ok=True)
        (root / "etc/debian_version").write_text("13.1\n")
        self.settings.write_text(f"#storepass=''\nstorepass='{PASSWORD}'  # ours\n")
        self.add("debian:other.pem", make_root("Other root"))
        (root / "ours.pem").write_text(ANCHOR.pem)
        self.set_program(hook, "exit 0")
        self.set_program(root / "bin/dpkg-trigger", 'test "$*" = "--no-await update-ca-certificates-java-fresh"')
        add = " ".join(f"'{word}'" for word in self.keytool("-importcert", "-noprompt", "-alias", "debian:ours.pem"))
        self.set_program(root / "bin/dpkg", f"{add} -file {root}/ours.pem")

    def keytool(self, *arguments: str) -> list[str]:
        store = ["-storetype", "JKS", "-keystore", str(self.keystore), "-storepass", PASSWORD]
        return [str(shutil.which("keytool")), *arguments, *store]

    def add(self, alias: str, certificate: object) -> None:
        pem = anchor_of(certificate).pem.encode()  # type: ignore[arg-type]
        command = self.keytool("-importcert", "-noprompt", "-alias", alias)
        subprocess.run(command, input=pem, check=True, capture_output=True)

    def aliases(self) -> list[str]:
        """What keytool itself lists."""
        listing = subprocess.run(self.keytool("-list"), check=True, capture_output=True, text=True).stdout
        return sorted(line.split(",")[0] for line in listing.splitlines() if "trustedCertEntry" in line)

    def set_program(self, path: Path, command: str) -> None:
        path.write_text(f"#!/bin/sh\n{command}\n")
        path.chmod(0o755)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> JavaHost:
    host = JavaHost(tmp_path / "host")
    monkeypatch.setattr(commands, "SEARCH_PATH", f"{host.root}/bin:{commands.SEARCH_PATH}")
    monkeypatch.setattr(trust, "FAMILIES", {"system": (debian_java,)})
    return host


def apply(operation: str, host: JavaHost, check_mode: bool = False) -> trust.Report:
    (report,) = trust.apply(operation, ANCHOR, kinds=["system"], root=str(host.root), check_mode=check_mode)
    return report


def test_what_the_systems_refresh_did_not_feed_is_fed(host: JavaHost) -> None:
    assert apply("inspect", host).state == "absent"
    assert apply("install", host, check_mode=True).state == "trusted"
    assert host.aliases() == ["debian:other.pem"]
    report = apply("install", host)
    assert (report.name, report.state, report.changed) == ("debian-java", "trusted", True), report.evidence
    assert host.aliases() == ["debian:other.pem", "debian:ours.pem"]
    assert not apply("install", host).changed


def test_what_a_removal_leaves_behind_is_removed_by_fingerprint(host: JavaHost) -> None:
    for alias in ("debian:former-name.pem", "by-hand"):
        subprocess.run(
            host.keytool("-importcert", "-noprompt", "-alias", alias),
            input=ANCHOR.pem.encode(),
            check=True,
            capture_output=True,
        )
    assert apply("remove", host, check_mode=True).state == "absent"
    report = apply("remove", host)
    assert (report.state, report.changed) == ("absent", True), report.evidence
    assert host.aliases() == ["debian:other.pem"]
    assert not apply("remove", host).changed


@pytest.mark.parametrize("check_mode", [True, False])
def test_an_administrator_who_opted_out_is_asked(host: JavaHost, check_mode: bool) -> None:
    host.settings.write_text("cacerts_updates=no\n")
    report = apply("install", host, check_mode)
    assert (report.state, report.changed) == ("needs_user", False)
    assert "cacerts_updates" in report.evidence[0]
    assert trust.shortfall("install", [report]) == ""
    assert not apply("remove", host, check_mode).changed


def test_a_trigger_that_fails_is_told_in_its_own_words(host: JavaHost) -> None:
    host.set_program(host.root / "bin/dpkg", "echo 'dpkg: error: lock held'; exit 2")
    report = apply("install", host)
    assert (report.state, report.changed) == ("failed", False)
    assert report.evidence[0].startswith("dpkg --triggers-only --pending failed: dpkg: error: lock held.")


def test_a_trigger_that_does_nothing_is_found_out(host: JavaHost) -> None:
    host.set_program(host.root / "bin/dpkg", "exit 0")
    report = apply("install", host)
    assert report.state == "failed"
    assert f"{host.keystore} lacks it" in report.evidence[0]


def test_a_wrong_password_keeps_a_trace_and_is_told(host: JavaHost) -> None:
    apply("install", host)
    host.settings.write_text("storepass=wrong\n")
    report = apply("remove", host)
    assert report.state == "failed"
    assert "password" in report.evidence[0]
    assert "debian:ours.pem" in host.aliases()


def test_a_host_without_the_keystore_has_no_such_store(host: JavaHost) -> None:
    host.keystore.unlink()
    assert debian_java.find(str(host.root)) == []
