#!/usr/bin/python
# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: staple_deployment
short_description: The host's half of ocsp_staple
version_added: 0.3.0
description:
  - Inspects which certificates of other authorities a host has, and which staples; asks OCSP responders; deploys
    staples as immutable generations, all of a task together or none; and removes them. A call does one of these.
  - It is called by M(anchorage.pki.ocsp_staple), which plans and verifies on the controller. Do not use it in a
    playbook.
extends_documentation_fragment:
  - anchorage.pki.staple_deployment
  - anchorage.pki.attributes
attributes:
  check_mode:
    support: partial
    details: With O(inspect) and O(remove). Nothing is asked for or deployed in check mode.
  diff_mode:
    support: none
    details: The differences are shown by M(anchorage.pki.ocsp_staple).
  idempotent:
    support: full
    details: O(inspect) and O(fetch) change nothing.
  platform:
    platforms: posix
    support: full
author:
  - The anchorage.pki contributors (@anchorage)
"""

EXAMPLES = r"""
- name: Deploy a staple, by the action that calls this module
  anchorage.pki.ocsp_staple:
    name: app
    certificate: /etc/nginx/tls/app.pem
    server: nginx
  become: true
"""

RETURN = r"""
certificates:
  description:
    - What there is of each staple, in the order of the option.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The name of the staple's folder.
      returned: success
      type: str
    path:
      description: The path of the certificate.
      returned: with O(inspect)
      type: str
    certificate:
      description: The certificate that the host has there, in PEM.
      returned: with O(inspect)
      type: str
    chain:
      description: What may be its issuers, in PEM.
      returned: with O(inspect)
      type: str
    problem:
      description:
        - Why the certificate or its issuer could not be read, or why the link beside it has no place; empty where
          neither is so.
      returned: with O(inspect)
      type: str
    generation:
      description: The number of the generation that is deployed, 0 for none.
      returned: with O(inspect) and O(deploy)
      type: int
    leaf_sha256:
      description: The SHA-256 of the certificate that the generation is for, in hexadecimal.
      returned: with O(inspect) and O(deploy)
      type: str
    staple:
      description: The staple in DER and base64; empty for none.
      returned: with O(inspect)
      type: str
    staple_sha256:
      description: The SHA-256 of the staple, empty for none.
      returned: with O(deploy)
      type: str
    replaced:
      description: Whether the host had another certificate than the staple is for, and so got no staple.
      returned: with O(deploy)
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
    withdrawn:
      description: When the staple was withdrawn, in UTC; empty where it was not.
      returned: with O(inspect)
      type: str
    failures:
      description: How often in a row no staple could be had.
      returned: with O(inspect)
      type: int
    failure:
      description: Why not, the last time; with O(fetch), this time.
      returned: with O(inspect) and O(fetch)
      type: str
    next_attempt:
      description: When to try again, in seconds since 1970-01-01 UTC.
      returned: with O(inspect)
      type: int
    response:
      description: What the responder answered, in base64; empty for nothing.
      returned: with O(fetch)
      type: str
    transient:
      description: Whether another attempt may succeed.
      returned: with O(fetch)
      type: bool
    retry_after:
      description: After how many seconds the responder wants to be asked again, 0 where it does not say.
      returned: with O(fetch)
      type: int
    removed:
      description: Whether there was anything of the staple to remove, or in check mode would be.
      returned: with O(remove)
      type: bool
withdrawal:
  description: Whether staples are withdrawn on the host; with O(inspect), whether they would be.
  returned: with O(inspect) and O(deploy)
  type: str
others:
  description: The names of the staples in O(destination) that O(inspect) does not name.
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
          description: The name of the staple.
          type: str
        address:
          description: The address that was probed.
          type: str
        port:
          description: The port that was probed.
          type: int
        leaf:
          description: V(served) for the certificate that the staple is for.
          type: str
        staple:
          description: V(served), V(not expected), or V(not probed) where this host has no means to see it.
          type: str
        detail:
          description: Why the staple could not be probed.
          type: str
notices:
  description: What the user has to know and is no failure. The action warns of it.
  returned: success
  type: list
  elements: str
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import Activation
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.staple_servers import STAPLE_SERVERS
from ansible_collections.anchorage.pki.plugins.module_utils._leaf_deployment.arguments import activation_of, decoded
from ansible_collections.anchorage.pki.plugins.module_utils._leaf_deployment.look import result_of
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.client import fetch_all
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.messages import Answers, Question
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_staple.arguments import destination_of
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_staple.deployment import deploy_staples
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_staple.look import look, withdrawal_of
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_staple.messages import (
    StapleDelivery,
    StapleDeployment,
    StapleInquiry,
)
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_staple.removal import remove_staples
from ansible_collections.anchorage.pki.plugins.module_utils._wire.arguments import argument_spec

ARGUMENT_SPEC: dict[str, Any] = {
    "inspect": {"type": "list", "elements": "dict", "options": argument_spec(StapleInquiry)},
    "fetch": {"type": "list", "elements": "dict", "options": argument_spec(Question)},
    "deploy": {"type": "list", "elements": "dict", "options": argument_spec(StapleDelivery)},
    "remove": {"type": "list", "elements": "str"},
    "activate": {"type": "dict", "options": argument_spec(Activation)},
    "destination": {"type": "path", "default": "/etc/pki/anchorage-staples"},
    "owner": {"type": "str"},
    "group": {"type": "str"},
    "mode": {"type": "raw", "default": "0644"},
    "server": {"type": "str", "choices": list(STAPLE_SERVERS), "default": "none"},
    "withdrawal": {"type": "str", "choices": ["auto", "off"], "default": "off"},
    "digests": {"type": "dict", "default": {}},
}
TASKS = ("inspect", "fetch", "deploy", "remove")
CONDITIONS: dict[str, Any] = {
    "mutually_exclusive": [TASKS, ("fetch", "activate"), ("remove", "activate")],
    "required_one_of": [TASKS],
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True, **CONDITIONS)
    arguments = module.params
    if arguments["inspect"] is not None:
        result = look(arguments)
    elif arguments["remove"] is not None:
        result = result_of(lambda: remove_staples(destination_of(arguments), arguments["remove"], module.check_mode))
    elif module.check_mode:
        result = {"failed": True, "msg": "fetch, deploy: not available in check mode, in which nothing is asked for."}
    else:
        result = result_of(lambda: (fetch if arguments["fetch"] is not None else deploy)(arguments))
    if result.get("failed"):
        module.fail_json(**result)
    module.exit_json(**result)


def fetch(arguments: dict[str, Any]) -> Answers:
    """Ask OCSP responders. Raises HostError."""
    return Answers(False, tuple(fetch_all(decoded("fetch", Question, arguments["fetch"]))))


def deploy(arguments: dict[str, Any]) -> StapleDeployment:
    """Deploy staples, and set up what withdraws them. Raises HostError."""
    activation, _notice = activation_of(arguments)
    deliveries = decoded("deploy", StapleDelivery, arguments["deploy"])
    paths = {delivery.name: delivery.path for delivery in deliveries}
    return deploy_staples(deliveries, withdrawal_of(arguments, activation, paths))


if __name__ == "__main__":
    main()
