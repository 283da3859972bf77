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
  - Reports which leaf certificates a host has, deploys new ones as immutable generations, all of a task at once or
    none, and removes them.
  - It is called by M(anchorage.pki.leaf_certificate), which plans and signs on the controller. Do not use it in a
    playbook.
extends_documentation_fragment:
  - anchorage.pki.attributes
attributes:
  check_mode:
    support: partial
    details: >-
      With O(operation=report) and O(operation=remove). Nothing is deployed in check mode, since nothing was signed.
  diff_mode:
    support: none
    details: The differences are shown by M(anchorage.pki.leaf_certificate).
  idempotent:
    support: full
    details: O(operation=report) changes nothing but for a pending key, which the next report finds and uses.
  platform:
    platforms: posix
    support: full
options:
  operation:
    description:
      - Whether to report what is deployed, to deploy, or to remove.
    type: str
    required: true
    choices:
      - report
      - deploy
      - remove
  destination:
    description:
      - The folder that holds a folder for each leaf. No part of the path may be a symbolic link; as root, nobody else
        may be able to write in any part of it, except to remove.
    type: path
    default: /etc/pki/anchorage
  owner:
    description:
      - The user, by name or number, whom the deployed files belong to.
    type: str
  group:
    description:
      - The group, by name or number, which the deployed files belong to.
    type: str
  mode:
    description:
      - The mode of the files that hold a private key. Symbols start from V(0600). It cannot open them to all users.
    type: raw
    default: "0600"
  server:
    description:
      - The server for which a pointer file is kept.
    type: str
    choices:
      - none
      - nginx
    default: none
  certificates:
    description:
      - The leaves to report on, to deploy or to remove.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The name of the leaf's folder.
        type: str
        required: true
      host_key:
        description: To report. Whether the key is to be made on the host, where a new one is needed.
        type: bool
        default: false
      key_type:
        description: To report. The type of a key made on the host.
        type: str
        choices:
          - ecdsa-p256
          - ecdsa-p384
          - rsa-3072
          - rsa-4096
          - ed25519
        default: ecdsa-p256
      keep:
        description: To report. The SHA-256 of the leaf that would be kept if it is deployed; empty for none.
        type: str
        default: ""
      keep_chain:
        description: To report. The SHA-256 of that leaf's C(chain.pem).
        type: str
        default: ""
      keep_pkcs12:
        description: To report. Whether that leaf would be kept with a PKCS#12 file.
        type: bool
        default: false
      action:
        description:
          - To deploy. V(leaf) is a new leaf; V(staple) is the deployed leaf with a new staple; V(repair) mends modes,
            owners and pointers of the deployed generation and activates it.
        type: str
        choices:
          - leaf
          - staple
          - repair
      expected_generation:
        description: To deploy. The generation that the report named; another one means that another run was faster.
        type: int
        default: 0
      certificate:
        description: To deploy. The leaf in PEM.
        type: str
        default: ""
      chain:
        description: To deploy. The issuing certificates in PEM.
        type: str
        default: ""
      private_key:
        description: To deploy. The leaf's private key in PEM; empty for the one that is pending on the host.
        type: str
        default: ""
      staple:
        description: To deploy. The OCSP response in DER and base64; empty for none.
        type: str
        default: ""
      pkcs12:
        description: To deploy. A PKCS#12 bundle in base64; empty for none.
        type: str
        default: ""
      pkcs12_passphrase:
        description: To deploy. The passphrase of a PKCS#12 bundle that the host builds, as it alone has the key.
        type: str
        default: ""
  activate:
    description:
      - How a server takes up what was deployed. Without it, nothing is told to any server.
    type: dict
    suboptions:
      test:
        description: The command that tests the server's configuration, as a list of arguments.
        type: list
        elements: str
      reload:
        description: The command that reloads the server, as a list of arguments.
        type: list
        elements: str
      timeout:
        description: The seconds that test, reload and probes may take together. A rollback has as many again.
        type: float
        default: 30
      probes:
        description: Where to look at what is served. Probes of leaves that are not deployed in this call are left out.
        type: list
        elements: dict
        suboptions:
          certificate:
            description: The name of the leaf that has to be served there.
            type: str
            required: true
          address:
            description: The host name or IP address to connect to.
            type: str
            default: 127.0.0.1
          port:
            description: The TCP port to connect to.
            type: int
            default: 443
          server_name:
            description: The name to ask for (SNI). Without it, none is asked for.
            type: str
          staple:
            description: Whether the staple has to be served too, where there is one.
            type: bool
            default: true
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
    - What is deployed of each leaf; after O(operation=deploy) without what only a report can tell.
    - After O(operation=remove), RV(certificates[].name) and RV(certificates[].removed) alone.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The name of the leaf's folder.
      type: str
    generation:
      description: The number of the generation that is deployed, 0 for none.
      type: int
    leaf_sha256:
      description: The SHA-256 of the leaf's DER, in hexadecimal.
      type: str
    chain_sha256:
      description: The SHA-256 of C(chain.pem).
      type: str
    staple_sha256:
      description: The SHA-256 of the staple, empty for none.
      type: str
    pkcs12:
      description: Whether there is a PKCS#12 bundle.
      type: bool
    damage:
      description: Why the generation cannot be kept; empty where it is whole.
      type: str
    drift:
      description: What a repair would mend, a sentence each.
      type: list
      elements: str
    csr:
      description: The certificate request (PEM) of the key that is pending on the host, where one was needed.
      type: str
    removed:
      description: Whether there was anything of the leaf to remove.
      type: bool
activation:
  description: What was told to the server, and what it serves since.
  returned: after O(operation=deploy)
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
"""

import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.ownership import group_id, private_key_mode, user_id
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import Attributes
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.activation import Activation, Probe
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.deployment import deploy
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination import Destination
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.host_keys import KEY_TYPES
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.inspection import Inquiry, report
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.removal import remove_leaves
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.staging import ACTIONS, Request
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.system_errors import translated_errors

PUBLIC_MODE = 0o644

INQUIRY_SPEC: dict[str, Any] = {
    "host_key": {"type": "bool", "default": False, "no_log": False},
    "key_type": {"type": "str", "choices": list(KEY_TYPES), "default": "ecdsa-p256", "no_log": False},
    "keep": {"type": "str", "default": ""},
    "keep_chain": {"type": "str", "default": ""},
    "keep_pkcs12": {"type": "bool", "default": False, "no_log": False},
}
REQUEST_SPEC: dict[str, Any] = {
    "action": {"type": "str", "choices": list(ACTIONS)},
    "expected_generation": {"type": "int", "default": 0},
    "certificate": {"type": "str", "default": ""},
    "chain": {"type": "str", "default": ""},
    "private_key": {"type": "str", "default": "", "no_log": True},
    "staple": {"type": "str", "default": ""},
    "pkcs12": {"type": "str", "default": "", "no_log": True},
    "pkcs12_passphrase": {"type": "str", "default": "", "no_log": True},
}
PROBE_SPEC: dict[str, Any] = {
    "certificate": {"type": "str", "required": True},
    "address": {"type": "str", "default": "127.0.0.1"},
    "port": {"type": "int", "default": 443},
    "server_name": {"type": "str"},
    "staple": {"type": "bool", "default": True},
}
ACTIVATE_SPEC: dict[str, Any] = {
    "test": {"type": "list", "elements": "str"},
    "reload": {"type": "list", "elements": "str"},
    "timeout": {"type": "float", "default": 30},
    "probes": {"type": "list", "elements": "dict", "options": PROBE_SPEC},
}
ARGUMENT_SPEC: dict[str, Any] = {
    "operation": {"type": "str", "required": True, "choices": ["report", "deploy", "remove"]},
    "destination": {"type": "path", "default": "/etc/pki/anchorage"},
    "owner": {"type": "str"},
    "group": {"type": "str"},
    "mode": {"type": "raw", "default": "0600"},
    "server": {"type": "str", "choices": ["none", "nginx"], "default": "none"},
    "certificates": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {"name": {"type": "str", "required": True}, **INQUIRY_SPEC, **REQUEST_SPEC},
    },
    "activate": {"type": "dict", "options": ACTIVATE_SPEC},
}


class QuietModule(AnsibleModule):
    """A module that does not enter its arguments in the host's log, whatever the task's C(no_log) says.

    Ansible enters a list as Python writes it, with escaped line ends, in which it does not recognize a secret that an
    option's C(no_log) named.
    """

    def _log_invocation(self) -> None:
        self.log("Invoked")


def main() -> None:
    module = QuietModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    try:
        result = run(module.params, module.check_mode)
    except HostError as error:
        module.fail_json(msg=str(error))
    for warning in result.pop("warnings", []):
        module.warn(warning)
    module.exit_json(**result)


def run(arguments: dict[str, Any], check_mode: bool) -> dict[str, Any]:
    """The module's result for its validated ``arguments``. Raises HostError."""
    destination = _destination(arguments)
    entries = arguments["certificates"]
    if arguments["operation"] == "report":
        inquiries = [Inquiry(**_chosen(entry, INQUIRY_SPEC)) for entry in entries]
        with translated_errors(destination.path):
            return {"changed": False, "certificates": report(destination, inquiries, check_mode)}
    if arguments["operation"] == "remove":
        return remove_leaves(destination, [entry["name"] for entry in entries], check_mode)
    if check_mode:
        raise HostError("operation: deploy is not for check mode, in which nothing is signed that could be deployed.")
    if any(entry["action"] is None for entry in entries):
        raise HostError("certificates: to deploy, each entry needs an action.")
    requests = [Request(**_chosen(entry, REQUEST_SPEC)) for entry in entries]
    return deploy(destination, requests, _activation(arguments["activate"]))


def _destination(arguments: dict[str, Any]) -> Destination:
    uid, gid = user_id(arguments["owner"]), group_id(arguments["group"])
    return Destination(
        path=os.path.normpath(arguments["destination"]),
        server=arguments["server"],
        public=Attributes(PUBLIC_MODE, uid, gid),
        private=Attributes(private_key_mode(arguments["mode"]), uid, gid),
    )


def _chosen(entry: dict[str, Any], spec: dict[str, Any]) -> dict[str, Any]:
    return {"name": entry["name"], **{option: entry[option] for option in spec}}


def _activation(activate: dict[str, Any] | None) -> Activation:
    if activate is None:
        return Activation()
    probes = [Probe(**{**probe, "server_name": probe["server_name"] or ""}) for probe in activate["probes"] or []]
    return Activation(activate["test"] or [], activate["reload"] or [], activate["timeout"], probes)


if __name__ == "__main__":
    main()
