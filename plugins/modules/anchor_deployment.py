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
    platforms: debian, rhel, fedora, suse, arch, alpine, freebsd
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
  permitted_domains:
    description:
      - The domains that the anchor's name constraints permit, for stores that can hold programs to them.
      - Empty where the anchor has no such limits.
    type: list
    elements: str
    default: []
  stores:
    description:
      - The kinds of stores to look at, as in M(anchorage.pki.trust_anchor).
    type: list
    elements: str
    choices:
      - system
      - java
      - nss
      - policies
      - applications
    default:
      - system
      - java
      - nss
      - policies
  java_keystore_password:
    description:
      - The password of keystores of the user who runs the module, where it is not V(changeit); empty for none.
    type: str
    default: ""
  superseded:
    description:
      - Former anchors that O(operation=install) removes from each store once that trusts the new one.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description:
          - What stores call the former anchor.
        type: str
        required: true
      certificate:
        description:
          - The former anchor, one certificate in PEM.
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
      kind: system
      read_by: OpenSSL, curl, Python
      state: trusted
      changed: true
      evidence:
        - /etc/ssl/certs/ca-certificates.crt holds it
purged:
  description: The former anchors that were removed, as in M(anchorage.pki.trust_anchor).
  returned: always
  type: list
  elements: dict
  sample: []
"""

import re
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.text import valid_text
from ansible_collections.anchorage.pki.plugins.module_utils._trust import engine as trust
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import Anchor

ARGUMENTS: dict[str, Any] = {
    "operation": {"type": "str", "required": True, "choices": trust.OPERATIONS},
    "name": {"type": "str", "required": True},
    "certificate": {"type": "str", "required": True},
    "permitted_domains": {"type": "list", "elements": "str", "default": []},
    "stores": {"type": "list", "elements": "str", "choices": trust.KINDS, "default": list(trust.DEFAULT_KINDS)},
    "java_keystore_password": {"type": "str", "default": "", "no_log": True},
    "superseded": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "name": {"type": "str", "required": True},
            "certificate": {"type": "str", "required": True},
        },
    },
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    operation, given = module.params["operation"], module.params["superseded"]
    anchor = Anchor(module.params["name"], module.params["certificate"], tuple(module.params["permitted_domains"]))
    superseded = [Anchor(former["name"], former["certificate"]) for former in given]
    if not all(re.fullmatch(r"[a-z0-9-]+", each.name) for each in [anchor, *superseded]):
        module.fail_json(msg="name: only lower-case letters, digits and hyphens can name an anchor in every store.")
    try:
        reports = trust.apply(
            operation,
            anchor,
            module.params["stores"],
            superseded=superseded,
            check_mode=module.check_mode,
            java_password=module.params["java_keystore_password"],
        )
    except HostError as error:
        module.fail_json(msg=_text(str(error)), stores=[], purged=[])
    result = _text(shape(reports))
    shortfall = _text(trust.shortfall(operation, reports))
    if shortfall:
        module.fail_json(msg=shortfall, **result)
    module.exit_json(**result)


def shape(reports: list[trust.Report]) -> dict[str, Any]:
    """The module's result, with what each store said before and after as its diff."""
    before, after = [], []
    for report in reports:
        before.append(_section(report.name, report.before.state, report.before.evidence))
        after.append(_section(report.name, report.state, report.evidence))
        for purge in report.purged:
            name = f"{report.name}, former anchor {purge.anchor.name}"
            before.append(_section(name, purge.before.state, purge.before.evidence))
            after.append(_section(name, purge.after.state, purge.after.evidence))
    return {
        "changed": any(report.changed for report in reports),
        "stores": [
            {
                "name": report.name,
                "kind": report.kind,
                "read_by": report.readers,
                "state": report.state,
                "changed": report.changed,
                "evidence": list(report.evidence),
            }
            for report in reports
        ],
        "purged": _purged(reports),
        "diff": {
            "before_header": "trust stores before",
            "after_header": "trust stores after",
            "before": "".join(before),
            "after": "".join(after),
        },
    }


def _purged(reports: list[trust.Report]) -> list[dict[str, Any]]:
    """The former anchors that went, each with the names of the stores it went from."""
    stores: dict[str, list[str]] = {}
    for report in reports:
        for purge in report.purged:
            if purge.after.state in trust.SETTLED[trust.REMOVE]:
                stores.setdefault(purge.anchor.sha256, []).append(report.name)
    return [{"sha256": sha256, "stores": names} for sha256, names in stores.items()]


def _text(value: Any) -> Any:
    """The value with all that is no text escaped, of which Ansible takes nothing: names of files may be any bytes."""
    if isinstance(value, dict):
        return {key: _text(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_text(each) for each in value]
    return valid_text(value) if isinstance(value, str) else value


def _section(name: str, state: str, evidence: tuple[str, ...]) -> str:
    return "".join([f"{name}: {state}\n", *(f"  {sentence}\n" for sentence in evidence)])


if __name__ == "__main__":
    main()
