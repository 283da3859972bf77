#!/usr/bin/python
# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: leaf_deployment
short_description: The host's half of leaf_certificate
version_added: 0.1.0
description:
  - Inspects which leaf certificates a host has, deploys new ones as immutable generations, all of a task together or
    none, makes the keys of those that are to have one of the host's own, removes them, and shows their certificates. A
    call does one of these.
  - It is called by M(anchorage.pki.leaf_certificate), which plans and signs on the controller. Do not use it in a
    playbook.
extends_documentation_fragment:
  - anchorage.pki.host_halves.leaf_deployment
  - anchorage.pki.attributes
attributes:
  check_mode:
    support: partial
    details: >-
      With O(inspect), O(show) and O(remove). Nothing is deployed in check mode, since nothing was signed, and no key is
      made.
  diff_mode:
    support: none
    details: The differences are shown by M(anchorage.pki.leaf_certificate).
  idempotent:
    support: full
    details: O(inspect) changes nothing; O(request) makes a key once, and finds it from then on until it is deployed.
  platform:
    platforms: posix
    support: full
author:
  - The anchorage.pki contributors (@anchorage)
"""

EXAMPLES = r"""
- name: Deploy a leaf, by the action that calls this module
  anchorage.pki.leaf_certificate:
    name: app
    names: [app.internal]
  become: true
"""

RETURN = r"""
certificates:
  description:
    - What is deployed of each leaf, in the order of the option.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The name of the leaf's folder.
      returned: success
      type: str
    generation:
      description: The number of the generation that is deployed, 0 for none.
      returned: with O(inspect) and O(deploy)
      type: int
    leaf_sha256:
      description: The SHA-256 of the leaf's DER, in hexadecimal.
      returned: with O(inspect) and O(deploy)
      type: str
    chain_sha256:
      description: The SHA-256 of C(chain.pem).
      returned: with O(inspect)
      type: str
    staple_sha256:
      description: The SHA-256 of the staple, empty for none.
      returned: with O(inspect) and O(deploy)
      type: str
    pkcs12:
      description: Whether there is a PKCS#12 bundle.
      returned: with O(inspect)
      type: bool
    damage:
      description: Why the generation cannot be kept; empty where it is undamaged.
      returned: with O(inspect)
      type: str
    drift:
      description: What a repair would fix, a sentence each.
      returned: with O(inspect)
      type: list
      elements: str
    unserved:
      description: Why a server has to be made to use what is deployed again, a sentence each.
      returned: with O(inspect)
      type: list
      elements: str
    certificate:
      description: The certificate (PEM); empty where none is deployed.
      returned: with O(show)
      type: str
    csr:
      description: The certificate request (PEM) of the key that is pending on the host.
      returned: with O(request)
      type: str
    removed:
      description: Whether there was anything of the leaf to remove, or in check mode would be.
      returned: with O(remove)
      type: bool
    withdrawn:
      description: When its staple was withdrawn, in UTC; empty where it was not.
      returned: with O(inspect)
      type: str
withdrawal:
  description: Whether staples are withdrawn on the host before they end; with O(inspect), whether they would be.
  returned: with O(inspect) and O(deploy)
  type: str
others:
  description: The names of the leaves in O(destination) that O(inspect) does not name.
  returned: with O(inspect)
  type: list
  elements: str
activation:
  description: What was done to the server, and what it serves; of probes, those that saw what is deployed.
  returned: with O(inspect) and O(deploy)
  type: dict
  contains:
    tested:
      description: Whether the configuration test was run.
      type: bool
    reloaded:
      description: Whether the server was reloaded.
      type: bool
    probes:
      description: The finding of each probe.
      type: list
      elements: dict
      contains:
        certificate:
          description: The name of the leaf.
          type: str
        address:
          description: The address that was probed.
          type: str
        port:
          description: The port that was probed.
          type: int
        leaf:
          description: V(served) for the deployed leaf.
          type: str
        staple:
          description: V(served), V(not expected), or V(not probed) where this host has no means to see it.
          type: str
        detail:
          description: Why the staple could not be probed.
          type: str
notices:
  description: What the user has to know and is no failure, such as a folder that was kept. The action warns of it.
  returned: success
  type: list
  elements: str
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.deployment import deploy
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination import RESPONDER_PORT
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.host_keys import request_keys
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import Activation, Inquiry
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.orders import (
    Delivery,
    Deployment,
    KeyRequests,
    Removal,
    WantedKey,
)
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.removal import remove_leaves
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.servers import SERVERS
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.shown import show_leaves
from ansible_collections.anchorage.pki.plugins.module_utils._leaf_deployment.arguments import (
    activation_of,
    decoded,
    destination_of,
)
from ansible_collections.anchorage.pki.plugins.module_utils._leaf_deployment.look import look, result_of
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdrawal.drift import Withdrawal
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdrawal.setup import set_up, take_down
from ansible_collections.anchorage.pki.plugins.module_utils._wire.arguments import argument_spec

ARGUMENT_SPEC: dict[str, Any] = {
    "inspect": {"type": "list", "elements": "dict", "options": argument_spec(Inquiry)},
    "request": {"type": "list", "elements": "dict", "options": argument_spec(WantedKey)},
    "deploy": {"type": "list", "elements": "dict", "options": argument_spec(Delivery)},
    "remove": {"type": "list", "elements": "str"},
    "show": {"type": "list", "elements": "str"},
    "activate": {"type": "dict", "options": argument_spec(Activation)},
    "destination": {"type": "path", "default": "/etc/pki/anchorage"},
    "owner": {"type": "str"},
    "group": {"type": "str"},
    "mode": {"type": "raw", "default": "0600"},
    "server": {"type": "str", "choices": list(SERVERS), "default": "none"},
    "responder_port": {"type": "int", "default": RESPONDER_PORT},
    "withdrawal": {"type": "str", "choices": ["auto", "off"], "default": "off"},
    "digests": {"type": "dict", "default": {}},
}
TASKS = ("inspect", "request", "deploy", "remove", "show")
CONDITIONS: dict[str, Any] = {
    "mutually_exclusive": [TASKS, ("request", "activate"), ("remove", "activate"), ("show", "activate")],
    "required_one_of": [TASKS],
}


class QuietModule(AnsibleModule):
    """A module that does not enter its arguments in the host's log, whatever the task's C(no_log) says.

    Ansible enters a list as Python writes it, with escaped line ends, in which it does not recognize a secret that an
    option's C(no_log) named.
    """

    def _log_invocation(self) -> None:
        self.log("Invoked")


def main() -> None:
    module = QuietModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True, **CONDITIONS)
    arguments = module.params
    if arguments["inspect"] is not None:
        result = look(arguments)
    elif arguments["show"] is not None:
        result = result_of(lambda: show_leaves(destination_of(arguments), arguments["show"]))
    elif arguments["remove"] is not None:
        result = result_of(lambda: remove(arguments, module.check_mode))
    elif module.check_mode:
        result = {"failed": True, "msg": "request, deploy: not available in check mode, in which nothing is signed."}
    else:
        result = result_of(lambda: (request if arguments["request"] is not None else deliver)(arguments))
    if result.get("failed"):
        module.fail_json(**result)
    module.exit_json(**result)


def remove(arguments: dict[str, Any], check_mode: bool) -> Removal:
    """Remove leaves, and what withdraws their staples. Raises HostError."""
    destination = destination_of(arguments)
    return take_down(remove_leaves(destination, arguments["remove"], check_mode), destination.path, check_mode)


def request(arguments: dict[str, Any]) -> KeyRequests:
    """Have keys pending for leaves that are to come. Raises HostError."""
    return request_keys(destination_of(arguments), decoded("request", WantedKey, arguments["request"]))


def deliver(arguments: dict[str, Any]) -> Deployment:
    """Deploy leaves, and set up what withdraws their staples. Raises HostError."""
    destination = destination_of(arguments)
    activation, _notice = activation_of(arguments)
    deliveries = decoded("deploy", Delivery, arguments["deploy"])
    deployment = deploy(destination, deliveries, activation)
    return set_up(deployment, deliveries, Withdrawal(destination, activation, arguments["withdrawal"] == "auto"))


if __name__ == "__main__":
    main()
