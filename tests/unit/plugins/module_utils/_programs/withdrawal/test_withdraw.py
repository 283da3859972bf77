# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The withdrawal of staples by what is on the disk, with commands that note that they ran."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination_changes import exclusive_lock
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.journal import Swap
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.journal_changes import write_journal
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import Activation
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.orders import STAPLE_ONLY, Delivery
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.pointers import Pointing
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdraw import TRY_AGAIN
from ansible_collections.anchorage.pki.plugins.module_utils._x509.staple import read_staple
from ansible_collections.anchorage.pki.tests.unit.interruptions import killed_at
from ansible_collections.anchorage.pki.tests.unit.leaves import (
    Leaf,
    delivery,
    make_leaf,
    renewed_staple,
    repair,
    tree,
)
from ansible_collections.anchorage.pki.tests.unit.scratch_nginx import Nginx, running_nginx
from ansible_collections.anchorage.pki.tests.unit.scratch_systemd import SystemdHost, linked, noted, notes, restore

WITHOUT_STAPLE = {"cert.pem", "chain.pem", "combined.pem", "fullchain.pem", "privkey.pem"}
MARGIN = 300


def end_of(leaf: Leaf) -> int:
    return read_staple(leaf.staple).end


def due(leaf: Leaf) -> int:
    return end_of(leaf) - MARGIN


def renewal(leaf: Leaf, expected: int, name: str = "app") -> Delivery:
    return Delivery(name, STAPLE_ONLY, expected, staple=renewed_staple(leaf, timedelta(days=8)))


@pytest.fixture
def leaf() -> Leaf:
    return make_leaf()


@pytest.fixture
def deployed(host: SystemdHost, leaf: Leaf) -> SystemdHost:
    """A host with a leaf whose commands note that they ran."""
    host.activation = Activation(test=notes(host.root, "test"), reload=notes(host.root, "reload"))
    host.deploy(delivery(leaf))
    assert host.drift() == ()
    noted(host.root)
    return host


@pytest.mark.parametrize("server", ["nginx", "none"])
def test_before_its_end_a_staple_is_gone_from_all_that_names_it(host: SystemdHost, leaf: Leaf, server: str) -> None:
    host.server = server
    host.activation = Activation(test=notes(host.root, "test"), reload=notes(host.root, "reload"))
    host.deploy(delivery(leaf))
    noted(host.root)
    app = host.root / "pki/app"
    assert host.armed == due(leaf)
    assert host.withdraw(due(leaf)) == 0
    assert noted(host.root) == ["test", "reload"]
    assert linked(app) == "v1-unstapled"
    assert {path.name for path in (app / "current").iterdir()} == WITHOUT_STAPLE
    assert all(os.path.samefile(app / "v1" / name, app / "current" / name) for name in WITHOUT_STAPLE)
    assert (app / "v1/staple.der").read_bytes() == leaf.staple
    if server == "nginx":
        assert "stapling" not in (app / "nginx.conf").read_text()
        assert f'ssl_certificate "{app}/v1/fullchain.pem";' in (app / "nginx.conf").read_text()
    withdrawn_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(due(leaf)))
    assert json.loads((app / ".withdrawn").read_text()) == {"generation": 1, "time": withdrawn_at, "settled": True}
    found, state = host.inspect()
    assert (found.withdrawn, found.staple_sha256, found.drift, state) == (withdrawn_at, "", (), "installed")


def test_a_second_before_nothing_is_done(deployed: SystemdHost, leaf: Leaf) -> None:
    before = tree(deployed.root / "pki")
    assert deployed.withdraw(due(leaf) - 1) == 0
    assert tree(deployed.root / "pki") == before
    assert noted(deployed.root) == []


def test_what_ended_while_the_host_was_off_is_withdrawn_at_once(deployed: SystemdHost, leaf: Leaf) -> None:
    deployed.withdraw(end_of(leaf) + 90 * 86400)
    assert linked(deployed.root / "pki/app") == "v1-unstapled"


def test_a_second_run_does_nothing_more(deployed: SystemdHost, leaf: Leaf) -> None:
    deployed.withdraw(due(leaf))
    noted(deployed.root)
    before = tree(deployed.root / "pki")
    assert deployed.withdraw(due(leaf) + 60) == 0
    assert tree(deployed.root / "pki") == before
    assert noted(deployed.root) == []


def test_the_timer_is_set_for_the_next_staple(deployed: SystemdHost, leaf: Leaf) -> None:
    other = make_leaf("other.test")
    later = replace(other, staple=renewed_staple(other, timedelta(days=8)))
    deployed.deploy(delivery(later, name="other"))
    assert deployed.armed == due(leaf)
    deployed.calls()
    deployed.withdraw(due(leaf))
    assert deployed.armed == due(later)
    timer = "anchorage-withdraw.timer"
    assert deployed.calls() == ["daemon-reload", f"enable {timer}", f"restart {timer}"]
    assert linked(deployed.root / "pki/other") == "v1"


def test_an_earlier_staple_sets_the_timer_earlier(deployed: SystemdHost) -> None:
    other = make_leaf("other.test")
    sooner = replace(other, staple=renewed_staple(other, timedelta(days=1)))
    deployed.deploy(delivery(sooner, name="other"))
    assert deployed.armed == due(sooner)


def test_a_renewed_staple_needs_no_systemctl(deployed: SystemdHost, leaf: Leaf) -> None:
    """The timer that is set for the former one finds nothing to do, and is set anew."""
    deployed.calls()
    second = renewal(leaf, 1)
    deployed.deploy(second)
    assert deployed.calls() == []
    assert deployed.drift() == ()
    deployed.withdraw(due(leaf))
    assert deployed.armed == read_staple(second.staple).end - MARGIN


def test_where_another_run_is_at_work_it_is_tried_again_in_a_minute(deployed: SystemdHost, leaf: Leaf) -> None:
    before = tree(deployed.root / "pki")
    root = os.open(deployed.root / "pki", os.O_RDONLY)
    with exclusive_lock(root, "pki"):
        assert deployed.withdraw(due(leaf)) == 0
    os.close(root)
    assert tree(deployed.root / "pki") == before
    assert deployed.armed == due(leaf) + 60


def test_an_interrupted_activation_is_left_to_the_next_run(deployed: SystemdHost, leaf: Leaf, capfd) -> None:
    root = os.open(deployed.root / "pki", os.O_RDONLY)
    write_journal(root, [Swap("db", 1, 2, Pointing())])
    os.close(root)
    before = tree(deployed.root / "pki")
    assert deployed.withdraw(due(leaf)) == 1
    assert "was interrupted" in capfd.readouterr().err
    assert tree(deployed.root / "pki") == before
    assert deployed.armed == due(leaf) + 60


def test_a_failing_test_restores_all_and_reloads_nothing(host: SystemdHost, leaf: Leaf, capfd) -> None:
    host.activation = Activation(test=("sh", "-c", f"test ! -e {host.root}/bad"), reload=notes(host.root, "reload"))
    host.deploy(delivery(leaf))
    noted(host.root)
    before = tree(host.root / "pki")
    (host.root / "bad").touch()
    assert host.withdraw(due(leaf)) == 1
    assert "failed: exit status 1" in capfd.readouterr().err
    assert noted(host.root) == []
    after = tree(host.root / "pki")
    assert {path: after[path] for path in after if "unstapled" not in path} == before
    assert host.armed == due(leaf) + 60
    (host.root / "bad").unlink()
    assert host.withdraw(due(leaf) + 60) == 0
    assert linked(host.root / "pki/app") == "v1-unstapled"


def test_what_fails_is_tried_each_minute_until_the_staple_ends(deployed: SystemdHost, leaf: Leaf) -> None:
    root = os.open(deployed.root / "pki", os.O_RDONLY)
    write_journal(root, [Swap("db", 1, 2, Pointing())])
    os.close(root)
    for now, pause in ((due(leaf), 60), (end_of(leaf) - 1, 60), (end_of(leaf), 600)):
        assert deployed.withdraw(now) == 1
        assert deployed.armed == now + pause


def test_a_failing_reload_is_tried_again(host: SystemdHost, leaf: Leaf) -> None:
    reload = ("sh", "-c", f"echo reload >> {host.root}/notes; test ! -e {host.root}/bad")
    host.activation = Activation(reload=reload)
    host.set_state("nginx", "active")
    ending = replace(leaf, staple=renewed_staple(leaf, timedelta(seconds=200)))
    host.deploy(delivery(ending))
    noted(host.root)
    (host.root / "bad").touch()
    assert host.withdraw(time.time()) == 1
    assert host.inspect()[0].withdrawn
    assert host.drift() == ("the withdrawal of its staple did not complete",)
    (host.root / "bad").unlink()
    assert host.withdraw(time.time() + 600) == 0
    assert host.drift() == ()
    assert noted(host.root) == ["reload", "reload"]


@pytest.mark.parametrize(
    ("state", "reload", "expected"),
    [
        ("active", "reload-or-restart web.service", ["reload-or-restart web.service"]),
        ("activating", "reload web.service", ["reload web.service"]),
        ("inactive", "reload-or-restart web.service", []),
        ("failed", "--no-block restart web.service", []),
        ("active", "--no-block reload web.service stopped.service", ["--no-block reload web.service"]),
        ("active", "kill -s HUP web.service", ["-s HUP kill web.service"]),
        ("inactive", "kill --kill-whom main --signal HUP web.service", []),
    ],
)
def test_a_stopped_unit_is_not_started(host: SystemdHost, leaf: Leaf, state, reload: str, expected: list[str]) -> None:
    systemctl = f"{host.root}/bin/systemctl"
    host.activation = Activation(reload=(systemctl, *reload.split()))
    host.deploy(delivery(leaf))
    host.set_state("web.service", state)
    host.calls()
    assert host.withdraw(due(leaf)) == 0
    assert [call for call in host.calls() if "web.service" in call and "show" not in call] == expected
    assert host.drift() == ()


def test_a_unit_is_asked_for_its_state_where_the_reload_finds_it(host: SystemdHost, leaf: Leaf) -> None:
    host.activation = Activation(reload=(f"{host.root}/bin/systemctl", "-M", "box", "reload", "web.service"))
    host.deploy(delivery(leaf))
    host.set_state("web.service", "active")
    host.calls()
    assert host.withdraw(due(leaf)) == 0
    assert [call for call in host.calls() if "web.service" in call] == [
        "show --property=ActiveState --value -M box -- web.service",
        "-M box reload web.service",
    ]


def test_a_stopped_server_is_no_failure_whatever_its_reload_says(host: SystemdHost, leaf: Leaf) -> None:
    """As C(nginx -s reload) fails where there is no nginx to signal."""
    host.activation = Activation(reload=("sh", "-c", f"test ! -e {host.root}/stopped"))
    host.deploy(delivery(leaf))
    (host.root / "stopped").touch()
    assert host.withdraw(due(leaf)) == 0
    assert host.drift() == ()


def test_a_damaged_leaf_or_recipe_keeps_no_other_one(deployed: SystemdHost, leaf: Leaf, capfd) -> None:
    for name in ("broken", "unreadable"):
        deployed.deploy(delivery(make_leaf(), name=name))
    recipes = deployed.root / "etc/anchorage/withdraw.d"
    (damaged,) = (path for path in recipes.iterdir() if "unreadable" in path.read_text())
    damaged.write_text("{")
    (deployed.root / "pki/broken/v1/staple.der").write_bytes(b"\x30\x00")
    assert deployed.withdraw(due(leaf)) == 1
    assert linked(deployed.root / "pki/app") == "v1-unstapled"
    lines = capfd.readouterr().err.splitlines()
    assert sum(f"{recipes}/" in line for line in lines) == 2
    assert f"{damaged}: the recipe is damaged; the next run of the task writes it anew" in lines
    assert deployed.armed == due(leaf) + 600


def test_without_systemctl_systemd_starts_it_again(deployed: SystemdHost, leaf: Leaf) -> None:
    (deployed.root / "broken").touch()
    assert deployed.withdraw(due(leaf)) == TRY_AGAIN
    assert deployed.armed is None
    assert linked(deployed.root / "pki/app") == "v1-unstapled"


def test_a_leaf_that_is_gone_is_no_failure(deployed: SystemdHost, leaf: Leaf) -> None:
    os.rename(deployed.root / "pki", deployed.root / "elsewhere")
    assert deployed.withdraw(due(leaf)) == 0


def test_an_unchanged_run_leaves_a_withdrawal_alone(deployed: SystemdHost, leaf: Leaf) -> None:
    deployed.withdraw(due(leaf))
    found, _state = deployed.inspect()
    assert (found.generation, found.damage, found.drift, found.unserved) == (1, "", (), ())


def test_a_repair_keeps_the_staple_withdrawn(deployed: SystemdHost, leaf: Leaf) -> None:
    app = deployed.root / "pki/app"
    deployed.withdraw(due(leaf))
    wanted = tree(app)
    (app / "nginx.conf").write_text("mine")
    (app / "current/cert.pem").unlink()
    (app / "v1/privkey.pem").chmod(0o644)
    assert deployed.drift() == (
        "privkey.pem has mode 0644, user 0, group 0",
        "nginx.conf was changed",
        "v1-unstapled is not the generation without its staple",
    )
    (told,) = deployed.deploy(repair(1)).certificates
    assert told.staple_sha256 == ""
    assert deployed.drift() == ()
    unrecorded = {path: entry for path, entry in tree(app).items() if path != ".activated.json"}
    assert unrecorded == {path: entry for path, entry in wanted.items() if path != ".activated.json"}
    assert list((deployed.root / "etc/anchorage/withdraw.d").iterdir()) != []


def test_the_next_staple_ends_the_withdrawal(deployed: SystemdHost, leaf: Leaf) -> None:
    app = deployed.root / "pki/app"
    deployed.withdraw(due(leaf))
    second = renewal(leaf, 1)
    deployed.deploy(second)
    assert linked(app) == "v2"
    assert f'ssl_stapling_file "{app}/v2/staple.der";' in (app / "nginx.conf").read_text()
    assert not (app / ".withdrawn").exists()
    assert (deployed.inspect()[0].withdrawn, deployed.drift()) == ("", ())
    deployed.deploy(delivery(make_leaf(), 2))
    assert sorted(path.name for path in app.glob("v*")) == ["v2", "v3"]


def test_a_renewal_that_fails_leaves_it_withdrawn(deployed: SystemdHost, leaf: Leaf) -> None:
    app = deployed.root / "pki/app"
    deployed.withdraw(due(leaf))
    before = tree(app)
    deployed.activation = Activation(test=("false",), reload=("true",))
    with pytest.raises(HostError, match=r"app is at generation 1 as before"):
        deployed.deploy(renewal(leaf, 1))
    assert tree(app) == before
    deployed.activation = Activation(test=notes(deployed.root, "test"), reload=notes(deployed.root, "reload"))
    assert deployed.inspect()[0].withdrawn
    assert deployed.drift() == ()


def test_a_renewal_that_is_killed_leaves_it_withdrawn(deployed: SystemdHost, leaf: Leaf) -> None:
    """Killed by its own configuration test, with the pointers at the new generation."""
    deployed.withdraw(due(leaf))
    child = os.fork()
    if child == 0:
        deployed.activation = Activation(test=("sh", "-c", f"kill -9 {os.getpid()}"), reload=("true",))
        deployed.deploy(renewal(leaf, 1))
        os._exit(0)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
    assert linked(deployed.root / "pki/app") == "v2"
    found, _state = deployed.inspect()
    assert (found.generation, bool(found.withdrawn), found.staple_sha256) == (1, True, "")
    assert found.drift[0] == "the activation of generation 2 did not complete"
    deployed.deploy(repair(1))
    assert linked(deployed.root / "pki/app") == "v1-unstapled"
    assert deployed.drift() == ()


def test_files_that_nothing_is_reloaded_for(host: SystemdHost, leaf: Leaf) -> None:
    host.server = "none"
    host.deploy(delivery(leaf))
    assert host.drift() == ()
    assert host.withdraw(due(leaf)) == 0
    assert linked(host.root / "pki/app") == "v1-unstapled"
    assert not [path for path in (host.root / "pki/app").iterdir() if path.name.endswith(".conf")]
    assert host.drift() == ()


def test_a_removed_leaf_leaves_nothing_of_its_withdrawal(deployed: SystemdHost, leaf: Leaf) -> None:
    deployed.withdraw(due(leaf))
    assert not deployed.remove("app").notices
    assert not (deployed.root / "pki").exists()


@pytest.fixture
def served(private_folder: Path, leaf: Leaf) -> Iterator[tuple[SystemdHost, Nginx]]:
    """A running nginx, and the host with its leaf."""
    if os.geteuid() != 0:
        pytest.skip("withdrawal is for root alone")
    with running_nginx(private_folder, leaf) as nginx:
        host = SystemdHost(private_folder, activation=nginx.activation)
        host.deploy(repair(1))
        nginx.wait_for(leaf.der, leaf.staple)
        yield host, nginx


def test_nginx_serves_no_staple_any_more(served: tuple[SystemdHost, Nginx], leaf: Leaf) -> None:
    """Real test, real reload, real handshakes."""
    host, nginx = served
    assert host.withdraw(due(leaf)) == 0
    nginx.wait_for(leaf.der, b"")
    found, state = host.inspect()
    assert (bool(found.withdrawn), found.drift, found.unserved, state) == (True, (), (), "installed")
    second = renewal(leaf, 1)
    host.deploy(second)
    nginx.wait_for(leaf.der, second.staple)


def test_nginx_with_a_broken_configuration_goes_on_as_before(served: tuple[SystemdHost, Nginx], leaf: Leaf) -> None:
    host, nginx = served
    (nginx.folder / "extra.conf").write_text("nonsense")
    assert host.withdraw(due(leaf)) == 1
    assert "ssl_stapling_file" in (nginx.folder / "pki/app/nginx.conf").read_text()
    assert nginx.served() == (leaf.der, leaf.staple)


@pytest.fixture
def unsynced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing waits for the disk, which matters to a power cut alone."""
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)


def picture(app: Path) -> dict[str, object]:
    """The leaf's folder without what depends on when something happened."""
    return {path: re.sub(r'"time": "[^"]*"', "", str(entry)) for path, entry in tree(app).items()}


def test_killed_anywhere_its_next_run_completes_it(deployed: SystemdHost, leaf: Leaf, unsynced: None) -> None:
    app = deployed.root / "pki/app"
    before = tree(deployed.root)
    deployed.withdraw(due(leaf))
    wanted = picture(app)
    seen = set()
    for call_number in range(1, 1000):
        restore(deployed.root, before)
        if not killed_at(call_number, lambda: deployed.withdraw(due(leaf))):
            break
        found, _state = deployed.inspect()
        assert (found.generation, found.damage) == (1, "")
        named = (app / linked(app) / "cert.pem").read_text(), (app / "nginx.conf").read_text()
        assert named[0] == leaf.certificate
        assert f'"{app}/v1/fullchain.pem"' in named[1]
        seen.add((bool(found.withdrawn), bool(found.drift)))
        assert deployed.withdraw(due(leaf) + 60) == 0
        assert picture(app) == wanted
        assert deployed.drift() == ()
    assert call_number > 20
    assert seen == {(False, False), (True, True), (True, False)}


def test_killed_anywhere_the_next_deployment_completes_it(deployed: SystemdHost, leaf: Leaf, unsynced: None) -> None:
    """Whether that renews the staple or repairs what is there."""
    app = deployed.root / "pki/app"
    before = tree(deployed.root)
    for call_number in range(1, 1000):
        restore(deployed.root, before)
        if not killed_at(call_number, lambda: deployed.withdraw(due(leaf))):
            break
        withdrawn = deployed.inspect()[0].withdrawn
        deployed.deploy(repair(1))
        found, _state = deployed.inspect()
        assert (found.withdrawn, found.drift) == (withdrawn, ())
        deployed.deploy(renewal(leaf, 1))
        assert (deployed.inspect()[0].withdrawn, deployed.drift()) == ("", ())
        assert linked(app) == "v2"
