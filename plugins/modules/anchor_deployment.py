#!/usr/bin/python
# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: anchor_deployment
short_description: The host's half of trust_anchor
version_added: 0.1.0
description:
  - Finds the trust stores of a host and inspects, installs or removes one anchor in each of them.
  - It is called by M(anchorage.pki.trust_anchor) and M(anchorage.pki.trust_anchor_info), which check the certificate
    first. Do not use it in a playbook.
extends_documentation_fragment:
  - anchorage.pki.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
  platform:
    platforms: debian
    support: full
options:
  operation:
    description:
      - What to do with the anchor in each store.
    type: str
    required: true
    choices:
      - inspect
      - install
      - remove
  name:
    description:
      - What stores call the anchor. It ends in the beginning of the certificate's fingerprint, so that no two anchors
        share one.
    type: str
    required: true
  certificate:
    description:
      - The anchor, one certificate in PEM.
    type: str
    required: true
author:
  - The anchorage.pki contributors (@anchorage)
"""

EXAMPLES = r"""
- name: Trust the authority, by the action that calls this module
  anchorage.pki.trust_anchor:
    authority: /srv/authority
  become: true
"""

RETURN = r"""
stores:
  description: What each store of the host says, as in M(anchorage.pki.trust_anchor).
  returned: always
  type: list
  elements: dict
  sample:
    - name: debian
      state: trusted
      changed: true
      evidence:
        - /etc/ssl/certs/ca-certificates.crt holds it
"""

import re
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.anchorage.pki.plugins.module_utils import trust
from ansible_collections.anchorage.pki.plugins.module_utils.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils.trust_stores.store import Anchor


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "operation": {"type": "str", "required": True, "choices": trust.OPERATIONS},
            "name": {"type": "str", "required": True},
            "certificate": {"type": "str", "required": True},
        },
        supports_check_mode=True,
    )
    name, operation = module.params["name"], module.params["operation"]
    if not re.fullmatch(r"[a-z0-9-]+", name):
        module.fail_json(msg="name: only lower-case letters, digits and hyphens can name an anchor in every store.")
    try:
        reports = trust.apply(operation, Anchor(name, module.params["certificate"]), check_mode=module.check_mode)
    except HostError as error:
        module.fail_json(msg=str(error), stores=[])
    result = shape(reports)
    shortfall = trust.shortfall(operation, reports)
    if shortfall:
        module.fail_json(msg=shortfall, **result)
    module.exit_json(**result)


def shape(reports: list[trust.Report]) -> dict[str, Any]:
    """The module's result, with what each store said before and after as its diff."""
    before = [(report.name, report.before.state, report.before.evidence) for report in reports]
    after = [(report.name, report.state, report.evidence) for report in reports]
    return {
        "changed": any(report.changed for report in reports),
        "stores": [
            {"name": report.name, "state": report.state, "changed": report.changed, "evidence": list(report.evidence)}
            for report in reports
        ],
        "diff": {
            "before_header": "trust stores before",
            "after_header": "trust stores after",
            "before": "".join(_section(*entry) for entry in before),
            "after": "".join(_section(*entry) for entry in after),
        },
    }


def _section(name: str, state: str, evidence: tuple[str, ...]) -> str:
    return "".join([f"{name}: {state}\n", *(f"  {sentence}\n" for sentence in evidence)])


if __name__ == "__main__":
    main()
