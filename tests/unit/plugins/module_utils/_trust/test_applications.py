# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the applications' environment: what shells make of the files, and when these come and go."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.tests.unit.interruptions import kill_at
from ansible_collections.anchorage.pki.tests.unit.scratch_applications import ScratchApplications
from ansible_collections.anchorage.pki.tests.unit.scratch_host import (
    OPPOSITE,
    REACHED,
    ScratchHost,
    apply,
    apply_all,
    settle,
)

VARIABLES = ["CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE"]
GENERATOR = Path("/usr/lib/systemd/user-environment-generators/30-systemd-environment-d-generator")


@pytest.fixture
def host(tmp_path: Path) -> ScratchApplications:
    return ScratchApplications(tmp_path / "host")


def shell(host: ScratchApplications, environment: dict[str, str] | None = None, program: str = "sh") -> dict[str, str]:
    """The variables that a shell has after it has read the file."""
    script = f". {host.profile}; env"
    finished = subprocess.run(
        [program, "-euc", script], capture_output=True, text=True, check=True, env=environment or {}
    )
    pairs = [line.split("=", 1) for line in finished.stdout.splitlines()]
    return {name: value for name, value in pairs if name in VARIABLES}


@pytest.mark.parametrize("program", ["sh", "bash"])
def test_a_shell_points_programs_at_the_whole_bundle(host: ScratchApplications, program: str) -> None:
    settle("install", host)
    # The file names the bundle as the host has it: here, that is elsewhere.
    host.profile.write_text(host.profile.read_text().replace("/etc/ssl/certs/ca-certificates.crt", str(host.bundle)))
    assert shell(host, program=program) == dict.fromkeys(VARIABLES, str(host.bundle))
    assert shell(host, {"CURL_CA_BUNDLE": "/mine"}, program)["CURL_CA_BUNDLE"] == "/mine"
    host.bundle.unlink()
    assert shell(host, program=program) == {}


def test_a_mac_has_none_that_reads_such_files(tmp_path: Path) -> None:
    mac = ScratchHost(tmp_path)
    mac.put("etc/profile", "[ -x /usr/libexec/path_helper ] && eval `/usr/libexec/path_helper -s`\n")
    mac.put("etc/zprofile", "")
    mac.kinds = ("applications",)
    assert apply_all("remove", mac) == []
    with pytest.raises(HostError, match=r"no trust store .*Looked for: /etc/profile.d \(login shells\)"):
        apply_all("install", mac)
    assert not (mac.root / "etc/profile.d").exists()


def test_all_three_files_name_the_same_bundle(host: ScratchApplications) -> None:
    before = host.picture()
    settle("install", host)
    for file in (host.profile, host.user, host.system):
        assert file.stat().st_mode & 0o7777 == 0o644
        assert file.read_text().count("/etc/ssl/certs/ca-certificates.crt") >= 4
    settings = host.system.read_text().splitlines()[-2:]
    assert settings[0] == "[Manager]"
    assert settings[1].split("=", 1)[1].split() == [f"{name}=/etc/ssl/certs/ca-certificates.crt" for name in VARIABLES]
    settle("remove", host)
    assert host.picture() == before


@pytest.mark.skipif(not GENERATOR.exists(), reason="needs systemd")
def test_systemd_reads_the_users_file(host: ScratchApplications, tmp_path: Path) -> None:
    settle("install", host)
    folder = tmp_path / "config/environment.d"
    folder.mkdir(parents=True)
    shutil.copy(host.user, folder)
    environment = {"XDG_CONFIG_HOME": str(tmp_path / "config"), "GIT_SSL_CAINFO": "/mine"}
    finished = subprocess.run([GENERATOR], capture_output=True, text=True, check=True, env=environment)
    assert "REQUESTS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt" in finished.stdout.splitlines()
    assert "GIT_SSL_CAINFO=/mine" in finished.stdout.splitlines()


@pytest.mark.skipif(not GENERATOR.exists(), reason="needs systemd")
@pytest.mark.parametrize("name", ["10-corp.conf", "corp.conf"])
def test_users_keep_what_another_file_sets(host: ScratchApplications, tmp_path: Path, name: str) -> None:
    settle("install", host)
    folder = tmp_path / "config/environment.d"
    folder.mkdir(parents=True)
    shutil.copy(host.user, folder)
    (folder / name).write_text("CURL_CA_BUNDLE=/corp/bundle.pem\n")
    environment = {"XDG_CONFIG_HOME": str(tmp_path / "config")}
    finished = subprocess.run([GENERATOR], capture_output=True, text=True, check=True, env=environment)
    assert "CURL_CA_BUNDLE=/corp/bundle.pem" in finished.stdout.splitlines()
    assert "GIT_SSL_CAINFO=/etc/ssl/certs/ca-certificates.crt" in finished.stdout.splitlines()


def services(host: ScratchApplications) -> list[str]:
    """The variables that our file gives the system's services."""
    lines = [line for line in host.system.read_text().splitlines() if line.startswith("DefaultEnvironment=")]
    return [pair.split("=")[0] for line in lines for pair in line.split("=", 1)[1].split()]


@pytest.mark.parametrize("operation", ["install", "remove"])
def test_a_run_that_is_killed_at_any_step_is_healed_by_the_next(
    host: ScratchApplications, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    if operation == "remove":
        settle("install", host)
    steps = 0
    while kill_at(steps + 1, monkeypatch, [(os, "rename"), (os, "unlink")], lambda: apply(operation, host)):
        outcome = apply(operation, host)
        assert outcome.state == REACHED[operation], outcome.evidence
        assert not apply(operation, host).changed
        apply(OPPOSITE[operation], host)
        steps += 1
    assert steps == 4  # the last one is the lock's file, which goes


def test_a_failed_write_leaves_nothing(host: ScratchApplications) -> None:
    host.system.parent.chmod(0o777)
    before = host.picture()
    outcome = apply("install", host)
    assert outcome.state == "failed"
    assert "is writable by all users" in outcome.evidence[0]
    assert host.picture() == before
    assert os.listdir(host.root / "etc/profile.d") == []
