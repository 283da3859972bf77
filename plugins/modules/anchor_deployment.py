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
  - Finds the trust stores of a host and inspects, installs or removes anchors in each of them.
  - It is called by M(anchorage.pki.trust_anchor) and M(anchorage.pki.trust_anchor_info), which check the certificate
    first. Do not use it in a playbook.
extends_documentation_fragment:
  - anchorage.pki.host_halves.anchor_deployment
  - anchorage.pki.attributes
  - anchorage.pki.attributes.trust_stores
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details: The action makes the diff of what this module returns.
  idempotent:
    support: full
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
installed:
  description: The paths of all anchors that this collection has installed in the system's store.
  returned: always
  type: list
  elements: str
stores:
  description: What became of the anchor in each store of the host. The action makes its own result and diff of it.
  returned: always
  type: list
  elements: dict
  contains:
    kind:
      description: The kind of the store, as in O(stores).
      returned: always
      type: str
    name:
      description: The name of the store.
      returned: always
      type: str
    readers:
      description: The programs that trust what the store trusts.
      returned: always
      type: str
    state:
      description: The state of the anchor in the store, as in M(anchorage.pki.trust_anchor).
      returned: always
      type: str
    changed:
      description: Whether this store was changed, or would be in check mode.
      returned: always
      type: bool
    evidence:
      description: What shows the state, sentence by sentence.
      returned: always
      type: list
      elements: str
    anchor:
      description: The name of the anchor where it is one of O(further), else empty.
      returned: always
      type: str
    before:
      description: What the store said before.
      returned: always
      type: dict
      contains: &finding
        state:
          description: The state.
          returned: always
          type: str
        evidence:
          description: What shows it.
          returned: always
          type: list
          elements: str
        blocked:
          description: Where the host explicitly distrusts the anchor; empty where it does not.
          returned: always
          type: str
        awaits:
          description: What has to happen on the host until the state is reached; empty for nothing.
          returned: always
          type: str
        private:
          description: Whether only the store's own user can find out more.
          returned: always
          type: bool
    purged:
      description: The superseded anchors that were to go from the store.
      returned: always
      type: list
      elements: dict
      contains:
        name:
          description: What stores call the former anchor.
          returned: always
          type: str
        sha256:
          description: Its fingerprint.
          returned: always
          type: str
        before:
          description: What the store said of it before.
          returned: always
          type: dict
          contains: *finding
        after:
          description: What the store says of it now.
          returned: always
          type: dict
          contains: *finding
"""

from collections.abc import Sequence

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.anchorage.pki.plugins.module_utils._trust.answer import answer
from ansible_collections.anchorage.pki.plugins.module_utils._trust.engine import apply
from ansible_collections.anchorage.pki.plugins.module_utils._trust.kinds import KINDS, Kind
from ansible_collections.anchorage.pki.plugins.module_utils._trust.messages import Request, StoreOutcome
from ansible_collections.anchorage.pki.plugins.module_utils._trust.settings import Settings
from ansible_collections.anchorage.pki.plugins.module_utils._wire.arguments import argument_spec

ARGUMENT_SPEC = argument_spec(Request)
_HOST = Settings()


def main(settings: Settings = _HOST, kinds: Sequence[Kind] = KINDS) -> None:
    """Tests give other settings and kinds than those of a real host."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)

    def work(request: Request, settings: Settings) -> list[StoreOutcome]:
        return apply(request, settings, module.check_mode, kinds)

    result = answer(module.params, settings, work, module.check_mode) or {}
    if "failed" in result:
        module.fail_json(**result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
