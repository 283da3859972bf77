# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of trust on FreeBSD, over a scratch folder with a stand-in for certctl; openssl confirms them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._trust.shortfall import shortfall
from ansible_collections.anchorage.pki.tests.unit.certctl import COMPILED, SHELL
from ansible_collections.anchorage.pki.tests.unit.roots import make_root, pem_of
from ansible_collections.anchorage.pki.tests.unit.scratch_freebsd import ScratchFreebsd
from ansible_collections.anchorage.pki.tests.unit.scratch_host import ANCHOR, ROOT, apply

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")


@pytest.fixture(params=[SHELL, COMPILED])
def host(request: pytest.FixtureRequest, tmp_path: Path) -> ScratchFreebsd:
    return ScratchFreebsd(tmp_path / "host", request.param, pem_of(make_root("Public root")))


def openssl_trusts(host: ScratchFreebsd) -> bool:
    """The verdict over the folder of hashes, which both kinds of certctl write."""
    verify = ["openssl", "verify", "-partial_chain", "-no_check_time", "-no-CAstore", "-no-CAfile", "-CApath"]
    command = [*verify, str(host.links)]
    return subprocess.run(command, input=ANCHOR.pem.encode(), capture_output=True, check=False).returncode == 0


def test_it_comes_and_goes_with_one_refresh_each(host: ScratchFreebsd) -> None:
    before = host.picture()
    assert not openssl_trusts(host)
    outcome = apply("install", host)
    assert (outcome.name, outcome.state, outcome.changed) == ("freebsd", "trusted", True), outcome.evidence
    assert openssl_trusts(host)
    assert not apply("install", host).changed
    assert host.spent() == ["rehash"]
    outcome = apply("remove", host)
    assert (outcome.state, outcome.changed) == ("absent", True), outcome.evidence
    assert not openssl_trusts(host)
    assert not apply("remove", host).changed
    assert host.spent() == ["rehash"] * 2
    after = host.picture()
    made = [str(folder) for folder in (host.anchors, *host.anchors.parents) if str(folder) in after]
    assert after == {**before, **dict.fromkeys(made, ("drwxr-xr-x", b""))}


def test_what_lives_on_in_the_folder_of_hashes_is_removed(tmp_path: Path) -> None:
    host = ScratchFreebsd(tmp_path / "host", COMPILED, pem_of(make_root("Public root")))
    apply("install", host)
    (host.anchors / f"{ANCHOR.name}.pem").unlink()
    host.refresh()
    assert openssl_trusts(host), "the stand-in forgets what it should re-read"
    assert apply("inspect", host).state == "stale"
    assert apply("remove", host).state == "absent"
    host.refresh()
    assert not openssl_trusts(host)


def test_an_untrusted_certificate_is_blocked(host: ScratchFreebsd) -> None:
    untrusted = host.root / "usr/share/certs/untrusted/ours.pem"
    untrusted.parent.mkdir(parents=True)
    untrusted.write_bytes(pem_of(ROOT))
    host.refresh()
    outcome = apply("install", host)
    assert (outcome.state, outcome.changed) == ("blocked", False)
    assert str(untrusted) in shortfall("install", [outcome])
    assert apply("install", host, check_mode=True).state == "blocked"
    assert apply("inspect", host).state == "blocked"
    assert apply("remove", host).state == "absent"
    untrusted.unlink()
    shutil.rmtree(host.root / "etc/ssl/untrusted")
    assert apply("install", host).state == "trusted"


@pytest.mark.parametrize("operation", ["install", "remove"])
def test_check_mode_tries_it_elsewhere(host: ScratchFreebsd, operation: str) -> None:
    if operation == "remove":
        apply("install", host)
    preview = apply(operation, host, check_mode=True)
    verdict = {"install": "trusts it", "remove": "leaves it out"}[operation]
    assert preview.evidence[-1] == f"/usr/sbin/certctl, tried in a scratch folder, {verdict}"


def test_the_shell_script_writes_no_bundle(tmp_path: Path) -> None:
    host = ScratchFreebsd(tmp_path / "host", SHELL, pem_of(make_root("Public root")))
    assert not any("cert.pem" in sentence for sentence in apply("install", host).evidence)
