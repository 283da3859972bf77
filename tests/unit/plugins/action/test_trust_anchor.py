# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The actions trust_anchor and trust_anchor_info from a task's arguments to a Mac's trust settings, and back."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.action import trust_anchor, trust_anchor_info
from ansible_collections.anchorage.pki.plugins.module_utils._trust import engine
from ansible_collections.anchorage.pki.plugins.module_utils._trust.answer import answer
from ansible_collections.anchorage.pki.plugins.module_utils._trust.look import look
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import carry_out, plan_provisioning
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace
from ansible_collections.anchorage.pki.plugins.plugin_utils._trust_action import TrustAction
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import (
    Profile,
    Signer,
    sign_leaf,
    validity_from,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import KeyType, generate_key
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.names import parse_names
from ansible_collections.anchorage.pki.tests.unit.macs import needs_double
from ansible_collections.anchorage.pki.tests.unit.scratch_trust_settings import ScratchTrustSettings

NOW = datetime.now(timezone.utc)

pytestmark = needs_double


class Controller:
    """An authority, and a Mac that tasks of the actions run on; ``sent`` has what was: looks and modules."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.mac = folder / "authority", ScratchTrustSettings(folder / "mac", sip="off")
        self.folder.mkdir(mode=0o700)
        self.authority: Authority = carry_out(plan_provisioning(self.folder, {}, "Lab", NOW), Passphrases(), NOW)
        self.sent: list[str] = []

    def issue(self, name: str) -> None:
        """Sign a server's leaf, as for another host."""
        issuing = self.authority.issuing
        signer = Signer(issuing.certificate, issuing.key(None, "passphrase"))
        key = generate_key(KeyType.ECDSA_P256).public_key()
        leaf = sign_leaf(key, signer, parse_names([name]), Profile.SERVER, validity_from(NOW, 90))
        with open_ledger(self.authority.ledger_path) as ledger, ledger.transaction():
            ledger.record_leaf(leaf, issuing.sha256, LeafPlace("web1", "/etc/pki/anchorage", "app"), [], "controller")

    def run(self, action: type[TrustAction] = trust_anchor.ActionModule, **options: Any) -> dict[str, Any]:
        """The result of a task, and of no store of it but the Mac's own."""
        sent, mac = self.sent, self.mac

        class Action(action):  # type: ignore[misc,valid-type]
            def __init__(self) -> None:
                given = {"stores": ["system"], **options}
                mode = {"check_mode": False, "diff": False, "async_val": 0, "delegate_to": None}
                self._task = SimpleNamespace(args=given, environment=None, **mode)
                self._connection = SimpleNamespace(become=None)

            def authority(self, _named: str | None, _task_vars: Any) -> Authority:
                return controller.authority

            def look_at_host(self, _program: Any, _module: str, arguments: dict[str, Any], _task_vars: Any) -> Any:
                sent.append("look")
                found = look(arguments, mac.settings, mac.table)
                if found is None:
                    sent.append("module")
                    found = answer(arguments, mac.settings, lambda *given: engine.apply(*given, kinds=mac.table))
                return found

        controller, task = self, Action()
        arguments = task.validate_argument_spec(action.ARGUMENT_SPEC, **action.CONDITIONS)[1]
        result: dict[str, Any] = task.act(arguments, {"inventory_hostname": "mac"})
        return result


@pytest.fixture
def controller(tmp_path: Path) -> Controller:
    return Controller(tmp_path)


def test_a_leaf_of_the_ledger_proves_what_was_written(controller: Controller) -> None:
    controller.issue("app.test")
    (store,) = controller.run()["stores"]
    assert (store["state"], store["changed"], store["evidence"][-1]) == ("trusted", True, "ssl: trusted for app.test")


def test_without_a_leaf_the_result_says_so(controller: Controller) -> None:
    (store,) = controller.run()["stores"]
    assert (store["state"], store["evidence"][-1]) == ("trusted", "ssl: not evaluated, as no leaf was at hand")


def test_what_is_right_takes_one_look_and_one_process(controller: Controller) -> None:
    controller.issue("app.test")
    controller.run()
    for action, options in ((trust_anchor, {}), (trust_anchor, {"purge_superseded": True}), (trust_anchor_info, {})):
        processes = len(controller.mac.double.living)
        controller.sent.clear()
        result = controller.run(action.ActionModule, **options)
        assert (result["changed"], result["stores"][0]["evidence"][-1]) == (False, "ssl: trusted for app.test")
        assert (controller.sent, len(controller.mac.double.living) - processes) == (["look"], 1)


def test_what_is_removed_needs_no_proof(controller: Controller) -> None:
    controller.issue("app.test")
    controller.run()
    (store,) = controller.run(state="absent")["stores"]
    assert (store["state"], store["changed"]) == ("absent", True)
