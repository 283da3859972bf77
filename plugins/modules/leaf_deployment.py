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
    none, and removes them. A call does one of the three.
  - It is called by M(anchorage.pki.leaf_certificate), which plans and signs on the controller. Do not use it in a
    playbook.
extends_documentation_fragment:
  - anchorage.pki.attributes
attributes:
  check_mode:
    support: partial
    details: >-
      With O(inspect) and O(remove). Nothing is deployed in check mode, since nothing was signed.
  diff_mode:
    support: none
    details: The differences are shown by M(anchorage.pki.leaf_certificate).
  idempotent:
    support: full
    details: O(inspect) changes nothing but for a pending key, which the next inspection finds and uses.
  platform:
    platforms: posix
    support: full
options:
  inspect:
    description:
      - The leaves of which to say what is deployed.
    type: list
    elements: dict
    suboptions:
      name:
        description: The name of the leaf's folder.
        type: str
        required: true
      host_key:
        description: Whether the key is to be made on the host, where a new one is needed.
        type: bool
        default: false
      key_type:
        description: The type of a key made on the host.
        type: str
        choices:
          - ecdsa-p256
          - ecdsa-p384
          - rsa-3072
          - rsa-4096
          - ed25519
        default: ecdsa-p256
      keep:
        description: The SHA-256 of the leaf that would be kept if it is deployed; empty for none.
        type: str
        default: ""
      keep_chain:
        description: The SHA-256 of that leaf's C(chain.pem).
        type: str
        default: ""
      keep_pkcs12:
        description: Whether that leaf would be kept with a PKCS#12 file.
        type: bool
        default: false
  deploy:
    description:
      - The leaves to deploy, all together or none. Not available in check mode.
    type: list
    elements: dict
    suboptions:
      name:
        description: The name of the leaf's folder.
        type: str
        required: true
      action:
        description:
          - V(leaf) is a new leaf; V(staple) is the deployed leaf with a new staple; V(repair) fixes modes, owners and
            pointers of the deployed generation and activates it.
        type: str
        required: true
        choices:
          - leaf
          - staple
          - repair
      expected_generation:
        description: The generation that the inspection found; another one means that another run was faster.
        type: int
        default: 0
      certificate:
        description: The leaf in PEM.
        type: str
        default: ""
      chain:
        description: The issuing certificates in PEM.
        type: str
        default: ""
      private_key:
        description: The leaf's private key in PEM; empty for the one that is pending on the host.
        type: str
        default: ""
      staple:
        description: The OCSP response in DER and base64; empty for none.
        type: str
        default: ""
      pkcs12:
        description: A PKCS#12 bundle in base64; empty for none.
        type: str
        default: ""
      pkcs12_passphrase:
        description: The passphrase of a PKCS#12 bundle that the host builds, as it alone has the key.
        type: str
        default: ""
  remove:
    description:
      - The names of the leaves to remove.
    type: list
    elements: str
  activate:
    description:
      - How a server is made to use what O(deploy) deployed. Without it, no server is notified.
    type: dict
    suboptions:
      test:
        description: The command that tests the server's configuration, as a list of arguments.
        type: list
        elements: str
        default: []
      reload:
        description: The command that reloads the server, as a list of arguments.
        type: list
        elements: str
        default: []
      timeout:
        description: The seconds that test, reload and probes may take together. A rollback has as many again.
        type: float
        default: 30
      probes:
        description: Where to look at what is served. Probes of leaves that are not deployed in this call are left out.
        type: list
        elements: dict
        default: []
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
            description: The name to ask for (SNI); empty to ask for none.
            type: str
            default: ""
          staple:
            description: Whether the staple has to be served too, where there is one.
            type: bool
            default: true
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
    csr:
      description: The certificate request (PEM) of the key that is pending on the host; empty where none was needed.
      returned: with O(inspect)
      type: str
    removed:
      description: Whether there was anything of the leaf to remove, or in check mode would be.
      returned: with O(remove)
      type: bool
activation:
  description: What was done to the server, and what it serves since.
  returned: with O(deploy)
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
  returned: after O(deploy) and O(remove)
  type: list
  elements: str
"""

import os
from collections.abc import Callable
from typing import Any, Union

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.ownership import group_id, private_key_mode, user_id
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import Attributes
from ansible_collections.anchorage.pki.plugins.module_utils._host.text import encodable
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.deployment import deploy
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination import Destination
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.inspection import inspect_leaves
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import (
    Activation,
    Delivery,
    Deployment,
    Inquiry,
    Inspection,
    Removal,
)
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.removal import remove_leaves
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.servers import SERVERS
from ansible_collections.anchorage.pki.plugins.module_utils._wire.codec import (
    MalformedError,
    Message,
    argument_spec,
    decode,
    encode,
)

PUBLIC_MODE = 0o644
ARGUMENT_SPEC: dict[str, Any] = {
    "inspect": {"type": "list", "elements": "dict", "options": argument_spec(Inquiry)},
    "deploy": {"type": "list", "elements": "dict", "options": argument_spec(Delivery)},
    "remove": {"type": "list", "elements": "str"},
    "activate": {"type": "dict", "options": argument_spec(Activation)},
    "destination": {"type": "path", "default": "/etc/pki/anchorage"},
    "owner": {"type": "str"},
    "group": {"type": "str"},
    "mode": {"type": "raw", "default": "0600"},
    "server": {"type": "str", "choices": list(SERVERS), "default": "none"},
}
TASKS = ("inspect", "deploy", "remove")
CONDITIONS: dict[str, Any] = {
    "mutually_exclusive": [TASKS],
    "required_one_of": [TASKS],
    "required_by": {"activate": "deploy"},
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
    try:
        result = encode(answer(module.params, module.check_mode))
    except HostError as error:
        module.fail_json(msg=encodable(str(error)))
    module.exit_json(**{"changed": False, **result})


def answer(arguments: dict[str, Any], check_mode: bool) -> Union[Inspection, Deployment, Removal]:  # noqa: UP007
    """What the module does for its validated ``arguments``, and its result. Raises HostError."""
    destination = _destination(arguments)
    if arguments["inspect"] is not None:
        return inspect_leaves(destination, _decoded("inspect", Inquiry, arguments["inspect"]), check_mode)
    if arguments["remove"] is not None:
        return remove_leaves(destination, arguments["remove"], check_mode)
    if check_mode:
        raise HostError("deploy: not available in check mode, in which nothing is signed that could be deployed.")
    activate = arguments["activate"]
    (activation,) = _decoded("activate", Activation, [activate]) if activate else [Activation()]
    return deploy(destination, _decoded("deploy", Delivery, arguments["deploy"]), activation)


def _decoded(option: str, kind: Callable[..., Message], values: list[Any]) -> list[Message]:
    try:
        return [decode(kind, value) for value in values]
    except MalformedError as error:
        raise HostError(f"{option}: {error}.") from error


def _destination(arguments: dict[str, Any]) -> Destination:
    uid, gid = user_id(arguments["owner"]), group_id(arguments["group"])
    return Destination(
        path=os.path.normpath(arguments["destination"]),
        server=arguments["server"],
        public=Attributes(PUBLIC_MODE, uid, gid),
        private=Attributes(private_key_mode(arguments["mode"]), uid, gid),
    )


if __name__ == "__main__":
    main()
