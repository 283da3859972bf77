# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Staples of certificates that are not ours are withdrawn before they end, and where something renews a certificate."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from datetime import datetime, timezone
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_changes import created_folder
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination_changes import exclusive_lock
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import Activation
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_staple.messages import StapleInquiry
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdraw import withdraw_staples
from ansible_collections.anchorage.pki.plugins.module_utils._wire.codec import encode
from ansible_collections.anchorage.pki.tests.unit.leaves import DAY, Leaf, delivery, make_leaf, make_staple
from ansible_collections.anchorage.pki.tests.unit.look_programs import run_look
from ansible_collections.anchorage.pki.tests.unit.roots import make_root
from ansible_collections.anchorage.pki.tests.unit.scratch_staples import StapleHost, served_files
from ansible_collections.anchorage.pki.tests.unit.scratch_systemd import SystemdHost, noted, notes
from cryptography import x509

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="root alone installs what withdraws staples")


def test_before_the_end(host: StapleHost, leaf: Leaf) -> None:
    host.activation = Activation(reload=notes(host.root, "reloaded"))
    host.staple(host.order(leaf))
    noted(host.root)
    now = time.time()
    assert host.withdraw(now + 6 * DAY.total_seconds()) == 0
    assert served_files(host.folder)[1] == leaf.staple
    assert host.withdraw(now + 7 * DAY.total_seconds() - 200) == 0
    assert served_files(host.folder)[1] == b""
    assert not (host.folder / "current" / "staple.der").exists()
    assert noted(host.root) == ["reloaded"]
    seen = host.see()
    assert (seen.staple, seen.drift, bool(seen.withdrawn)) == (b"", (), True)


def test_before_the_end_of_the_certificate_that_came_with_it(host: StapleHost, leaf: Leaf) -> None:
    """Clients refuse a staple once its signer's certificate has ended, whatever it says itself."""
    now = datetime.now(timezone.utc).replace(microsecond=0)
    signer = make_root("Responder", not_before=now - DAY, not_after=now + 2 * DAY)
    certificate = x509.load_pem_x509_certificate(leaf.certificate.encode())
    host.staple(host.order(leaf, staple=make_staple(certificate, embedded=signer)))
    assert host.withdraw((now + 2 * DAY).timestamp() - 301) == 0
    assert served_files(host.folder)[1]
    assert host.withdraw((now + 2 * DAY).timestamp() - 300) == 0
    assert served_files(host.folder)[1] == b""


@pytest.mark.parametrize("server", ["nginx", "none"])
def test_once_the_certificate_is_replaced(host: StapleHost, leaf: Leaf, server: str) -> None:
    host.server = server
    host.activation = Activation(reload=notes(host.root, "reloaded"))
    host.staple(host.order(leaf))
    noted(host.root)
    now = time.time()
    assert host.renewed(now) == 0
    assert (host.folder / "current" / "staple.der").read_bytes() == leaf.staple
    host.certbot.renew(make_leaf())
    assert host.renewed(now) == 0
    assert not (host.folder / "current" / "staple.der").exists()
    assert noted(host.root) == ["reloaded"]
    assert host.renewed(now) == 0
    assert noted(host.root) == []
    assert host.see().drift == ()


def test_a_configuration_that_is_wrong_brings_no_staple_of_another_certificate_back(
    host: StapleHost, leaf: Leaf
) -> None:
    host.activation = Activation(test=("test", "!", "-e", f"{host.root}/broken-configuration"), reload=("true",))
    host.staple(host.order(leaf))
    host.certbot.renew(make_leaf())
    (host.root / "broken-configuration").touch()
    assert host.renewed(time.time()) == 1
    assert served_files(host.folder)[1] == b""
    (host.root / "broken-configuration").unlink()
    assert host.renewed(time.time()) == 0
    assert host.see().drift == ()


def test_haproxy_has_none_beside_a_replaced_certificate(haproxy: StapleHost, leaf: Leaf) -> None:
    haproxy.staple(haproxy.order(leaf))
    newer = make_leaf()
    Path(haproxy.paths["app"]).write_text(newer.certificate + newer.chain + newer.private_key)
    assert haproxy.renewed(time.time()) == 0
    assert not Path(f"{haproxy.paths['app']}.ocsp").exists()
    haproxy.staple(haproxy.order(newer, 1))
    assert Path(f"{haproxy.paths['app']}.ocsp").read_bytes() == newer.staple


def test_a_certificate_that_is_gone_counts_as_replaced(host: StapleHost, leaf: Leaf) -> None:
    host.staple(host.order(leaf))
    Path(host.paths["app"]).unlink()
    assert host.renewed(time.time()) == 0
    assert served_files(host.folder)[1] == b""


def test_a_run_that_is_at_work_is_waited_for(host: StapleHost, leaf: Leaf) -> None:
    host.staple(host.order(leaf))
    host.certbot.renew(make_leaf())
    at_work, done = threading.Event(), threading.Event()

    def work() -> None:
        with created_folder(host.destination.path) as root, exclusive_lock(root, host.destination.path):
            at_work.set()
            done.wait(5)

    run = threading.Thread(target=work)
    run.start()
    assert at_work.wait(5)
    now = time.time()
    assert host.withdraw(now) == 0
    assert served_files(host.folder)[1] == leaf.staple
    assert host.armed == int(now) + 60  # another attempt
    threading.Timer(0.2, done.set).start()
    assert host.renewed(now) == 0
    assert served_files(host.folder)[1] == b""
    run.join()


def test_what_nobody_says_is_seen_within_an_hour(host: StapleHost, leaf: Leaf) -> None:
    host.staple(host.order(leaf))
    assert host.armed is not None
    assert host.armed <= time.time() + 3600


def test_a_repair_puts_it_back(host: StapleHost, leaf: Leaf) -> None:
    host.staple(host.order(leaf))
    for path in (host.root / "etc" / "anchorage" / "withdraw.d").iterdir():
        path.unlink()
    assert host.see().drift == ("the withdrawal of its staple is not set up",)
    assert host.staple(host.repair(leaf)).changed
    assert host.see().drift == ()


@pytest.mark.parametrize("program", ["as it is", "changed"])
def test_a_look_compares_the_programs_with_what_the_controller_has(host: StapleHost, leaf: Leaf, program: str) -> None:
    host.staple(host.order(leaf))
    file = Path(host.layout.programs) / "staples.pyz"
    if program == "changed":
        file.write_bytes(file.read_bytes() + b" ")
    given = {
        "inspect": [encode(StapleInquiry("app", host.paths["app"]))],
        "activate": None,
        "destination": host.destination.path,
        "owner": None,
        "group": None,
        "mode": "0644",
        "server": "nginx",
        "withdrawal": "auto",
        "digests": host.layout.digests,
    }
    layout = {**vars(host.layout), "digests": {}}
    (seen,) = run_look("_ocsp_staple.look", given, layout)[0]["certificates"]
    assert seen["drift"] == ([] if program == "as it is" else ["the withdrawal of its staple is not set up"])


def test_a_staple_that_cannot_be_read_keeps_what_withdraws_it(host: StapleHost, leaf: Leaf) -> None:
    host.staple(host.order(leaf))
    (host.folder / "v1" / "staple.der").write_bytes(b"\x30\x00")
    assert host.see().drift == ()


def test_recipes_of_leaves_are_as_they_were(private_folder: Path, leaf: Leaf) -> None:
    host = SystemdHost(private_folder)
    host.deploy(delivery(leaf))
    (path,) = (private_folder / "etc" / "anchorage" / "withdraw.d").iterdir()
    assert path.read_text() == (
        f'{{"destination": "{private_folder}/pki", "name": "app", "server": "nginx", "commands": []}}'
    )


def test_certbot_runs_a_hook(host: StapleHost, leaf: Leaf) -> None:
    host.staple(host.order(leaf))
    hook = host.certbot.hooks / "00-anchorage-staples"
    assert hook.stat().st_mode & 0o777 == 0o755
    assert hook.read_text().splitlines()[-1] == f"exec {host.layout.programs}/staples.pyz withdraw --wait"
    subprocess.run(["sh", "-n", hook], check=True)
    hook.unlink()
    assert host.see().drift == ("the withdrawal of its staple is not set up",)
    host.staple(host.repair(leaf))
    assert hook.exists()


def test_the_hook_stays_for_another_certificate(host: StapleHost, leaf: Leaf) -> None:
    other = make_leaf("other.test")
    host.certbot.renew(other, "other")
    host.paths["other"] = str(host.certbot.certificate("other"))
    host.staple(host.order(leaf), host.order(other, name="other"))
    host.remove("app")
    assert [path.name for path in host.certbot.hooks.iterdir()] == ["00-anchorage-staples"]
    host.remove("other")
    assert list(host.certbot.hooks.iterdir()) == []
    assert host.traces() == ["etc", "lib"]


def test_a_link_into_certbots_folder_has_the_hook_too(host: StapleHost, leaf: Leaf) -> None:
    link = host.root / "shop.pem"
    link.symlink_to("letsencrypt/live/app/fullchain.pem")
    host.paths["app"] = str(link)
    host.staple(host.order(leaf))
    assert (host.certbot.hooks / "00-anchorage-staples").exists()


@pytest.mark.parametrize("missing", [False, True])
def test_where_no_hook_can_be_that_is_told(host: StapleHost, leaf: Leaf, missing: bool) -> None:
    if missing:
        host.certbot.hooks.rmdir()
    else:
        host.certbot.hooks.chmod(0o777)
    (notice,) = host.staple(host.order(leaf)).notices
    assert f"{host.certbot.hooks} is missing, or others than root may write in it" in notice
    assert missing or list(host.certbot.hooks.iterdir()) == []
    assert host.see().drift == ()


def test_a_run_that_takes_too_long_is_told(host: StapleHost, leaf: Leaf, capsys: pytest.CaptureFixture[str]) -> None:
    host.staple(host.order(leaf))
    host.certbot.renew(make_leaf())
    with created_folder(host.destination.path) as root, exclusive_lock(root, host.destination.path):
        assert withdraw_staples(time.time, host.layout, timeout=0.1) == 1
    assert "a run of Ansible has been at work for" in capsys.readouterr().err


def test_a_certificate_that_is_being_written_costs_no_staple(host: StapleHost, leaf: Leaf) -> None:
    host.staple(host.order(leaf))
    path = Path(host.paths["app"])
    content = path.read_text()
    path.write_text(content[:100])
    threading.Timer(0.1, lambda: path.write_text(content)).start()
    assert host.renewed(time.time()) == 0
    assert served_files(host.folder)[1] == leaf.staple
