# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules on a scratch Mac: Apple's links, no /proc, no systemd, and a Python without what Linux alone has."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import replace
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import Activation, Inquiry
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.orders import Delivery
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_staple.messages import (
    REPAIR,
    STAPLE,
    StapleDelivery,
    StapleInquiry,
)
from ansible_collections.anchorage.pki.plugins.module_utils._wire.codec import encode
from ansible_collections.anchorage.pki.tests.conftest import ROOT
from ansible_collections.anchorage.pki.tests.unit import scratch_mac
from ansible_collections.anchorage.pki.tests.unit.leaves import Leaf, delivery, make_leaf, repair, tree

UNIT = ROOT / "tests" / "unit" / "plugins"
ENVIRONMENT = {
    "PYTHONPATH": str(ROOT / "build" / "collections"),
    "PYTHONPYCACHEPREFIX": os.environ.get("PYTHONPYCACHEPREFIX", "/compiled"),
}
NO_COMMANDS = encode(Activation())
DEFAULT = "etc/pki/anchorage"
#: What is run once more on a Python as a Mac's: tests of what a Mac has as a host, and as a controller.
TRIED = (
    *(f"module_utils/_leaf/test_{name}.py" for name in ("deployment", "pointers", "removal", "repair", "rollback")),
    *(f"module_utils/_host/test_{name}.py" for name in ("safe_files", "commands", "reader", "accounts", "ownership")),
    *(
        f"module_utils/_trust/test_contract.py::test_{name}[{store}]"
        for name in ("it_comes_and_goes_as_previewed", "an_installation_can_be_undone")
        for store in ("freebsd-shell", "java", "nss", "firefox")
    ),
    "plugin_utils/_storage",
    "plugin_utils/_authority/test_authority.py",
)


@pytest.fixture
def mac(private_folder: Path) -> scratch_mac.ScratchMac:
    if lacks := scratch_mac.lacks():
        pytest.skip(lacks)
    return scratch_mac.ScratchMac(private_folder)


@pytest.fixture
def leaf() -> Leaf:
    return make_leaf()


def run(mac: scratch_mac.ScratchMac, module: str, **arguments: Any) -> dict[str, Any]:
    return mac.run(module, {"server": "nginx", **arguments}, ENVIRONMENT)


def deploy(mac: scratch_mac.ScratchMac, order: Delivery, activate: Mapping[str, Any] = NO_COMMANDS) -> dict[str, Any]:
    return run(mac, "leaf_deployment", deploy=[encode(order)], activate=activate)


def see(mac: scratch_mac.ScratchMac, leaf: Leaf) -> dict[str, Any]:
    chain = hashlib.sha256(leaf.chain.encode()).hexdigest()
    inquiry = encode(Inquiry("app", keep=leaf.sha256, keep_chain=chain))
    (seen,) = run(mac, "leaf_deployment", inspect=[inquiry], activate=NO_COMMANDS)["certificates"]
    return seen  # type: ignore[no-any-return]


def test_nothing_of_linux_is_needed() -> None:
    """Their own commands, which are other programs, are real."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", scratch_mac.PLUGIN, *TRIED]
    finished = subprocess.run(command, cwd=UNIT, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout
    assert " passed" in finished.stdout


def test_a_leaf_lives_below_the_default_destination(mac: scratch_mac.ScratchMac, leaf: Leaf) -> None:
    assert deploy(mac, delivery(leaf))["changed"]
    seen = see(mac, leaf)
    assert (seen["generation"], seen["leaf_sha256"], seen["drift"]) == (1, leaf.sha256, [])
    folder = mac.root / "private" / DEFAULT / "app"
    assert (folder / "current/privkey.pem").read_text() == leaf.private_key
    assert f'ssl_certificate "/{DEFAULT}/app/v1/fullchain.pem";' in (folder / "nginx.conf").read_text()
    (folder / "v1/privkey.pem").chmod(0o644)
    assert see(mac, leaf)["drift"]
    assert deploy(mac, repair(1))["changed"]
    assert see(mac, leaf)["drift"] == []


def test_a_failed_renewal_goes_back(mac: scratch_mac.ScratchMac, leaf: Leaf) -> None:
    deploy(mac, delivery(leaf))
    before = tree(mac.root / "private/etc")
    refuse_second = f"readlink /{DEFAULT}/app/current | grep -q v1"
    activate = encode(Activation(reload=("sh", "-c", refuse_second)))
    failed = deploy(mac, delivery(make_leaf(), expected=1), activate)
    assert (failed["failed"], "app is at generation 1 as before" in failed["msg"]) == (True, True)
    assert see(mac, leaf)["generation"] == 1
    assert tree(mac.root / "private/etc") == before


def test_removal_leaves_nothing(mac: scratch_mac.ScratchMac, leaf: Leaf) -> None:
    before = tree(mac.root / "private/etc")
    deploy(mac, delivery(leaf))
    assert run(mac, "leaf_deployment", remove=["app"])["changed"]
    assert tree(mac.root / "private/etc") == before


def test_a_place_has_one_name(mac: scratch_mac.ScratchMac, leaf: Leaf) -> None:
    answer = run(mac, "leaf_deployment", inspect=[encode(Inquiry("app"))], destination=f"/private/{DEFAULT}")
    assert (answer["failed"], f"/private/{DEFAULT} is /{DEFAULT} on a Mac" in answer["msg"]) == (True, True)


def test_no_other_link_is_followed(mac: scratch_mac.ScratchMac, leaf: Leaf) -> None:
    (mac.root / "private/etc/real").mkdir()
    (mac.root / "private/etc/pki").symlink_to("real")
    answer = deploy(mac, delivery(leaf))
    assert (answer["failed"], "/etc/pki is a symbolic link" in answer["msg"]) == (True, True)
    # Nor is the path proposed that would be refused for its name.
    assert "(/etc/real)" in answer["msg"]
    assert list((mac.root / "private/etc/real").iterdir()) == []


def test_what_a_server_is_to_do_has_to_be_said(mac: scratch_mac.ScratchMac) -> None:
    asked = encode(replace(Activation(), server_commands=True))
    (notice,) = run(mac, "leaf_deployment", inspect=[encode(Inquiry("app"))], activate=asked)["notices"]
    assert "systemd does not run on this host. Name the command in activate.reload" in notice


def test_a_staple_of_another_authority_has_a_place_too(mac: scratch_mac.ScratchMac, leaf: Leaf) -> None:
    path = "/etc/letsencrypt/live/app.pem"
    certificate = mac.root / "private" / path.lstrip("/")
    certificate.parent.mkdir(parents=True)
    certificate.write_text(leaf.certificate + leaf.chain)
    order = StapleDelivery("app", path, STAPLE, 0, leaf.certificate, leaf.staple)
    deployed = run(mac, "staple_deployment", deploy=[encode(order)], activate=NO_COMMANDS, withdrawal="auto")
    assert (deployed["changed"], deployed["withdrawal"]) == (True, "unavailable")
    inquiry = encode(StapleInquiry("app", path))
    (seen,) = run(mac, "staple_deployment", inspect=[inquiry], activate=NO_COMMANDS)["certificates"]
    assert (seen["generation"], seen["drift"]) == (1, [])
    place = mac.root / "private/etc/pki/anchorage-staples"
    assert (place / "app/current/staple.der").read_bytes() == leaf.staple
    (place / "app/v1/staple.der").chmod(0o600)
    mended = encode(replace(order, action=REPAIR, expected_generation=1, staple=b""))
    assert run(mac, "staple_deployment", deploy=[mended], activate=NO_COMMANDS)["changed"]
    (seen,) = run(mac, "staple_deployment", inspect=[inquiry], activate=NO_COMMANDS)["certificates"]
    assert seen["drift"] == []
    assert run(mac, "staple_deployment", remove=["app"])["changed"]
    assert not place.exists()
