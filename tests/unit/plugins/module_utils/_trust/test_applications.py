# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the applications' environment: what shells make of the files, and when these come and go."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._trust import engine as trust
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import Anchor
from ansible_collections.anchorage.pki.tests.unit.interruptions import kill_at
from ansible_collections.anchorage.pki.tests.unit.roots import make_root, pem_of
from ansible_collections.anchorage.pki.tests.unit.scratch_debian import anchor_of

ROOT, OTHER = make_root("Lab root"), make_root("Other root")
ANCHOR, SECOND = anchor_of(ROOT), anchor_of(OTHER)
VARIABLES = ["CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE"]
GENERATOR = Path("/usr/lib/systemd/user-environment-generators/30-systemd-environment-d-generator")


class Host:
    """A host with a shell, systemd (which does not run) and a bundle that holds both anchors."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for folder in ("var/run", "etc/systemd/system.conf.d", "etc/profile.d", "etc/environment.d", "etc/ssl/certs"):
            (root / folder).mkdir(parents=True)
        (root / "etc/profile").touch()
        (root / "etc/debian_version").touch()
        self.bundle = root / "etc/ssl/certs/ca-certificates.crt"
        self.bundle.write_bytes(pem_of(ROOT) + pem_of(OTHER))
        self.profile = root / "etc/profile.d/anchorage.sh"
        self.user = root / "etc/environment.d/anchorage.conf"
        self.system = root / "etc/systemd/system.conf.d/anchorage.conf"

    def picture(self) -> dict[str, tuple[int, bytes]]:
        paths = [path for path in sorted(self.root.rglob("*")) if path != self.root / trust.LOCK_FILE]
        return {str(path): (path.lstat().st_mode, path.read_bytes() if path.is_file() else b"") for path in paths}


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path / "host")


def apply(operation: str, host: Host, anchor: Anchor = ANCHOR, **options: Any) -> trust.Report:
    (report,) = trust.apply(operation, anchor, ["applications"], root=str(host.root), **options)
    return report


def settle(operation: str, host: Host, anchor: Anchor = ANCHOR) -> trust.Report:
    report = apply(operation, host, anchor)
    assert (report.state, report.changed) == ({"install": "trusted", "remove": "absent"}[operation], True), report
    before = host.picture()
    assert not apply(operation, host, anchor).changed
    assert host.picture() == before
    return report


def shell(host: Host, environment: dict[str, str] | None = None, program: str = "sh") -> dict[str, str]:
    """The variables that a shell has after it has read the file."""
    script = f". {host.profile}; env"
    finished = subprocess.run(
        [program, "-euc", script], capture_output=True, text=True, check=True, env=environment or {}
    )
    pairs = [line.split("=", 1) for line in finished.stdout.splitlines()]
    return {name: value for name, value in pairs if name in VARIABLES}


@pytest.mark.parametrize("program", ["sh", "bash"])
def test_a_shell_points_programs_at_the_whole_bundle(host: Host, program: str) -> None:
    settle("install", host)
    # The file names the bundle as the host has it: here, that is elsewhere.
    host.profile.write_text(host.profile.read_text().replace("/etc/ssl/certs/ca-certificates.crt", str(host.bundle)))
    assert shell(host, program=program) == dict.fromkeys(VARIABLES, str(host.bundle))
    assert shell(host, {"CURL_CA_BUNDLE": "/mine"}, program)["CURL_CA_BUNDLE"] == "/mine"
    host.bundle.unlink()
    assert shell(host, program=program) == {}


def test_all_three_files_name_the_same_bundle(host: Host) -> None:
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
def test_systemd_reads_the_users_file(host: Host, tmp_path: Path) -> None:
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
def test_users_keep_what_another_file_sets(host: Host, tmp_path: Path, name: str) -> None:
    settle("install", host)
    folder = tmp_path / "config/environment.d"
    folder.mkdir(parents=True)
    shutil.copy(host.user, folder)
    (folder / name).write_text("CURL_CA_BUNDLE=/corp/bundle.pem\n")
    environment = {"XDG_CONFIG_HOME": str(tmp_path / "config")}
    finished = subprocess.run([GENERATOR], capture_output=True, text=True, check=True, env=environment)
    assert "CURL_CA_BUNDLE=/corp/bundle.pem" in finished.stdout.splitlines()
    assert "GIT_SSL_CAINFO=/etc/ssl/certs/ca-certificates.crt" in finished.stdout.splitlines()


def services(host: Host) -> list[str]:
    """The variables that our file gives the system's services."""
    lines = [line for line in host.system.read_text().splitlines() if line.startswith("DefaultEnvironment=")]
    return [pair.split("=")[0] for line in lines for pair in line.split("=", 1)[1].split()]


@pytest.mark.parametrize(
    "path",
    [
        "etc/systemd/system.conf",
        "etc/systemd/system.conf.d/10-corp.conf",
        "etc/systemd/system.conf.d/zzz.conf",
        "run/systemd/system.conf.d/corp.conf",
        "usr/lib/systemd/system.conf.d/corp.conf",
    ],
)
def test_services_keep_what_another_file_sets(host: Host, path: str) -> None:
    settle("install", host)
    other = host.root / path
    other.parent.mkdir(parents=True, exist_ok=True)
    other.write_text(
        "[Manager]\n#DefaultEnvironment=GIT_SSL_CAINFO=/a\n ;DefaultEnvironment=GIT_SSL_CAINFO=/a\n"
        'DefaultEnvironment=A=1 MY_NODE_EXTRA_CA_CERTS=/a \\\n  "CURL_CA_BUNDLE=/corp bundle.pem"\n'
    )
    assert apply("inspect", host).state == "stale"
    report = settle("install", host)
    assert services(host) == ["GIT_SSL_CAINFO", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE"]
    assert f"{host.system} leaves CURL_CA_BUNDLE as {other} sets it" in report.evidence
    other.unlink()
    settle("install", host)
    assert services(host) == VARIABLES


def test_services_with_settings_of_their_own_for_all_keep_them(host: Host) -> None:
    """Were the list of ours empty, systemd would forget all the others."""
    corporate = host.system.with_name("10-corp.conf")
    corporate.write_text("".join(["[Manager]\n", *(f"DefaultEnvironment={name}=/corp\n" for name in VARIABLES)]))
    settle("install", host)
    assert "DefaultEnvironment" not in host.system.read_text()


def test_the_files_stay_until_the_last_anchor_goes(host: Host) -> None:
    before = host.picture()
    settle("install", host)
    settle("install", host, SECOND)
    settle("remove", host)
    assert apply("inspect", host, SECOND).state == "trusted"
    settle("remove", host, SECOND)
    assert host.picture() == before


def test_a_former_anchor_goes_with_the_next(host: Host) -> None:
    settle("install", host)
    report = apply("install", host, SECOND, superseded=[ANCHOR])
    assert (report.state, len(report.purged)) == ("trusted", 1)
    assert apply("inspect", host).state == "absent"


@pytest.mark.parametrize(
    ("mark", "bundle"),
    [
        ("etc/redhat-release", "etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"),
        ("etc/alpine-release", "etc/ssl/certs/ca-certificates.crt"),
    ],
)
def test_the_bundle_is_the_platforms_own(host: Host, mark: str, bundle: str) -> None:
    (host.root / "etc/debian_version").rename(host.root / mark)
    (host.root / bundle).parent.mkdir(parents=True, exist_ok=True)
    host.bundle.rename(host.root / bundle)
    settle("install", host)
    assert f"CURL_CA_BUNDLE:-/{bundle}" in host.profile.read_text()


def test_a_bundle_without_the_anchor_is_refused(host: Host) -> None:
    host.bundle.write_bytes(pem_of(OTHER))
    before = host.picture()
    report = apply("install", host)
    assert (report.state, report.changed) == ("failed", False)
    assert f"{host.bundle} lacks it: have the system's own store trust it first" in report.evidence[0]
    assert host.picture() == before


def test_without_a_bundle_it_is_unavailable(host: Host) -> None:
    host.bundle.unlink()
    assert apply("install", host).state == "unavailable"


def test_a_bundle_that_lost_the_anchor_is_stale(host: Host) -> None:
    settle("install", host)
    host.bundle.write_bytes(pem_of(OTHER))
    assert apply("inspect", host).state == "stale"
    assert apply("remove", host).state == "absent"


@pytest.mark.parametrize("damage", ["missing", "edited", "closed"])
@pytest.mark.parametrize("operation", ["install", "remove"])
def test_a_damaged_file_is_stale_and_mended(host: Host, damage: str, operation: str) -> None:
    settle("install", host)
    if damage == "missing":
        host.profile.unlink()
    elif damage == "edited":
        host.profile.write_text("garbage")
    else:
        host.user.chmod(0o600)
    assert apply("inspect", host).state == "stale"
    settle(operation, host)


def test_a_host_without_systemd_gets_the_shells_file_alone(host: Host) -> None:
    shutil.rmtree(host.root / "etc/systemd")
    settle("install", host)
    assert host.profile.exists()
    assert not host.user.exists()


def test_a_host_without_either_is_told_what_was_looked_for(host: Host) -> None:
    shutil.rmtree(host.root / "etc/systemd")
    (host.root / "etc/profile").unlink()
    with pytest.raises(HostError, match=r"/etc/profile \(login shells\)"):
        apply("install", host)


@pytest.mark.parametrize("operation", ["install", "remove"])
def test_check_mode_foresees_and_changes_nothing(host: Host, operation: str) -> None:
    if operation == "remove":
        settle("install", host)
    before = host.picture()
    foreseen = apply(operation, host, check_mode=True)
    assert host.picture() == before
    done = apply(operation, host)
    assert (foreseen.state, foreseen.changed) == (done.state, done.changed)


@pytest.mark.parametrize("operation", ["install", "remove"])
def test_a_run_that_is_killed_at_any_step_is_healed_by_the_next(
    host: Host, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    opposite = {"install": "remove", "remove": "install"}[operation]
    if operation == "remove":
        settle("install", host)
    steps = 0
    while kill_at(steps + 1, monkeypatch, [(os, "rename"), (os, "unlink")], lambda: apply(operation, host)):
        report = apply(operation, host)
        assert report.state == {"install": "trusted", "remove": "absent"}[operation], report.evidence
        assert not apply(operation, host).changed
        apply(opposite, host)
        steps += 1
    assert steps == 3


def test_a_failed_write_leaves_nothing(host: Host) -> None:
    host.system.parent.chmod(0o777)
    before = host.picture()
    report = apply("install", host)
    assert report.state == "failed"
    assert "is writable by all users" in report.evidence[0]
    assert host.picture() == before
    assert os.listdir(host.root / "etc/profile.d") == []
