# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The responder on a host: there for the leaves that need it, refused where it cannot be, and gone with the last."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.deployment import deploy
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination import Destination
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.inspection import inspect_leaves
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import Activation, Inquiry
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.orders import REPAIR, STAPLE_ONLY, Delivery
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.removal import remove_leaves
from ansible_collections.anchorage.pki.plugins.module_utils._programs import responder
from ansible_collections.anchorage.pki.plugins.module_utils._programs.installation import (
    NAME,
    RESPONDER_PLACES,
    Layout,
    entry_names,
)
from ansible_collections.anchorage.pki.plugins.module_utils._programs.responder import (
    SERVICE,
    SOCKET,
    check_responder,
    units,
)
from ansible_collections.anchorage.pki.tests.unit.leaves import (
    NO_SERVER,
    delivery,
    destination_at,
    free_port,
    make_leaf,
)

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="the responder is set up by root alone")


@dataclass
class Host:
    """A host's folders with a systemctl that notes how it was called, and a destination for Apache."""

    folder: Path
    layout: Layout
    destination: Destination

    def calls(self) -> list[str]:
        """What systemctl was called with since the last time."""
        noted = self.folder / "calls"
        lines = noted.read_text().splitlines() if noted.exists() else []
        noted.unlink(missing_ok=True)
        return lines

    def deploy(self, name: str = "app", expected: int = 0, activation: Activation = NO_SERVER) -> bool:
        return deploy(self.destination, [delivery(make_leaf(), expected, name)], activation, self.layout).changed

    def repair(self) -> bool:
        return deploy(self.destination, [Delivery("app", REPAIR, 1)], NO_SERVER, self.layout).changed

    def drift(self, staple: bool = True) -> list[str]:
        inquiry = Inquiry("app", staple=staple)
        (leaf,) = inspect_leaves(self.destination, [inquiry], NO_SERVER, layout=self.layout).certificates
        return list(leaf.drift)

    def places(self) -> int:
        return len(entry_names(RESPONDER_PLACES, self.layout))

    def left(self) -> list[str]:
        """What is left of all that was installed."""
        return [
            str(path)
            for folder in (self.layout.settings, self.layout.programs, self.layout.units)
            for path in Path(folder).rglob("*")
        ]


@pytest.fixture
def host(layout: Layout, private_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    # root's home, in which tests have their private folders, is closed to others.
    monkeypatch.setattr(responder, "_check_reachable", lambda _path: None)
    destination = replace(destination_at(private_folder / "pki", "apache"), responder_port=free_port())
    return Host(private_folder, layout, destination)


@pytest.fixture
def listening(host: Host) -> Iterator[socket.socket]:
    """The socket, as systemd has it once it was told to."""
    host.deploy()
    with socket.create_server(("127.0.0.1", host.destination.responder_port)) as listener:
        yield listener


def test_the_first_stapled_leaf_brings_it_and_a_second_one_changes_nothing_of_it(host: Host) -> None:
    assert host.deploy("a")
    assert host.calls() == ["daemon-reload", f"stop {SERVICE} {SOCKET}", f"enable --now {SOCKET}"]
    with socket.create_server(("127.0.0.1", host.destination.responder_port)):
        host.deploy("b")
        assert host.calls() == []
    assert host.places() == 2


def test_it_goes_with_the_last_leaf_without_a_trace(host: Host, listening: socket.socket) -> None:
    host.deploy("other")
    for names, check_mode, places in ((["app"], True, 2), (["app"], False, 1), (["app", "other"], False, 0)):
        removal = remove_leaves(host.destination, names, check_mode, layout=host.layout)
        assert removal.changed
        assert host.places() == places
    assert host.left() == []
    assert host.calls()[-2:] == [f"disable --now {SERVICE} {SOCKET}", "daemon-reload"]
    assert not remove_leaves(host.destination, ["app", "other"], check_mode=False, layout=host.layout).changed


def test_a_place_whose_leaf_is_gone_is_removed_by_its_name(host: Host) -> None:
    host.deploy()
    remove_leaves(host.destination, ["app"], check_mode=False, layout=replace(host.layout, settings="/nonexistent"))
    removal = remove_leaves(host.destination, ["app"], check_mode=False, layout=host.layout)
    assert removal.certificates[0].removed
    assert host.left() == []


@pytest.mark.parametrize("server", ["nginx", "none", "haproxy"])
def test_another_server_needs_it_no_more(host: Host, listening: socket.socket, server: str) -> None:
    host.destination = replace(host.destination, server=server)
    assert "the responder still answers for it" in host.drift()
    assert host.repair()
    assert host.left() == []
    assert host.drift() == []


def test_without_a_staple_there_is_none(host: Host, listening: socket.socket) -> None:
    deploy(host.destination, [Delivery("app", STAPLE_ONLY, 1)], NO_SERVER, host.layout)
    assert host.left() == []
    assert host.drift(staple=False) == []


def test_what_was_changed_by_hand_is_noticed_and_repaired(host: Host, listening: socket.socket) -> None:
    assert host.drift() == []
    (entry,) = Path(host.layout.settings, RESPONDER_PLACES).iterdir()
    faults = {
        "the responder does not know it": lambda: entry.write_text("{}"),
        "the responder's program is missing or was changed": lambda: Path(host.layout.programs, NAME).unlink(),
        "the responder's units are missing or were changed": lambda: Path(host.layout.units, SERVICE).write_text("x"),
    }
    for sentence, fault in faults.items():
        fault()
        assert host.drift() == [sentence]
        assert host.repair()
        assert host.drift() == []
        assert not host.repair()
    listening.close()
    assert host.drift() == [f"{SOCKET} does not listen"]
    host.calls()
    assert host.repair()
    assert host.calls() == [f"stop {SERVICE} {SOCKET}", f"enable --now {SOCKET}"]


def test_a_port_of_somebody_else_is_refused_and_nothing_is_changed(host: Host) -> None:
    with socket.create_server(("127.0.0.1", host.destination.responder_port)):
        message = f"^responder_port: something else listens at 127.0.0.1 port {host.destination.responder_port}"
        with pytest.raises(HostError, match=message):
            host.drift()
        with pytest.raises(HostError, match=message):
            host.deploy()
    assert host.left() == []
    assert not (host.folder / "pki").exists()
    assert host.drift(staple=False) == []


def test_a_host_has_one_port(host: Host, listening: socket.socket) -> None:
    former, other = host.destination.responder_port, free_port()
    host.deploy("other")
    host.destination = replace(host.destination, responder_port=other)
    with pytest.raises(HostError, match=f"^responder_port: other leaves .* have their responder at port {former}"):
        host.drift()
    both = [str(host.folder / "pki" / name) for name in ("app", "other")]
    check_responder(both, other, host.layout)
    with pytest.raises(HostError, match="is no port"):
        check_responder(both, 65536, host.layout)


@pytest.mark.parametrize("missing", ["running", "bin/systemctl"])
def test_without_systemd_it_is_refused_with_what_apache_needs(host: Host, missing: str) -> None:
    (host.folder / missing).rename(host.folder / "moved")
    layout = replace(host.layout, search_path=f"{host.folder}/bin")
    with pytest.raises(HostError, match=r"Apache takes staples only from a responder, .* but systemd does not run"):
        check_responder([], 80, layout)


def test_folders_of_others_are_refused_before_anything_is_changed(host: Host) -> None:
    library = Path(host.layout.programs).parent
    library.mkdir()
    library.chmod(0o777)
    with pytest.raises(HostError, match=r"Apache takes staples only .* but on the way to .*/lib/anchorage is a folder"):
        host.drift()
    with pytest.raises(HostError, match=r"Set staple to false to do without\.$"):
        host.deploy()
    assert not (host.folder / "pki").exists()


def test_a_failing_systemctl_rolls_the_leaf_back(host: Host) -> None:
    (host.folder / "bin/systemctl").write_text('#!/bin/sh\n[ "$1" != enable ] || { echo "no sockets"; exit 1; }\n')
    with pytest.raises(HostError, match=f"systemctl enable --now {SOCKET} failed: no sockets. Rolled back: app is at"):
        host.deploy()
    assert not (host.folder / "pki" / "app").exists()
    assert host.left() == []


def test_what_cannot_be_rolled_back_of_it_is_said(host: Host) -> None:
    (host.folder / "bin/systemctl").write_text("#!/bin/sh\necho no systemd; exit 1\n")
    with pytest.raises(
        HostError, match=r"app is at no generation as before\. The responder .*mends: systemctl disable"
    ):
        host.deploy()


def test_a_first_deployment_that_fails_leaves_none(host: Host) -> None:
    with pytest.raises(HostError, match=r"Rolled back: app is at no generation as before\.$"):
        host.deploy(activation=Activation(test=("false",)))
    assert host.left() == []


def test_a_change_of_port_that_fails_is_rolled_back(host: Host, listening: socket.socket) -> None:
    wanted, former = units(host.destination.responder_port, host.layout), host.destination
    host.destination = replace(host.destination, responder_port=free_port())
    with pytest.raises(HostError, match=r"Rolled back: app is at generation 1 as before\.$"):
        host.deploy(expected=1, activation=Activation(test=("false",)))
    assert Path(host.layout.units, SOCKET).read_text() == wanted[SOCKET]
    host.destination = former
    assert host.drift() == []


def test_the_units_give_it_no_rights_and_no_network(host: Host) -> None:
    text = units(4711, host.layout)
    assert "ListenStream=127.0.0.1:4711\n" in text[SOCKET]
    assert f"ExecStart={host.layout.programs}/{NAME} respond {host.layout.settings}/respond.d\n" in text[SERVICE]
    for line in ("DynamicUser=yes", "CapabilityBoundingSet=", "PrivateNetwork=yes"):
        assert f"{line}\n" in text[SERVICE]


def test_a_folder_that_the_responder_cannot_reach_is_refused(layout: Layout, private_folder: Path) -> None:
    private_folder.chmod(0o700)
    with pytest.raises(HostError, match=r"^destination: not everybody may pass through .*, so that the responder"):
        check_responder([f"{private_folder}/pki/app"], free_port(), layout)
