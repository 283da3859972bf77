#!/usr/bin/python
# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documentation of the action plugin of the same name, which runs on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ledger_verification
short_description: Hold the ledger of a local authority against what a host has
version_added: 0.3.0
description:
  - Tells where a host has another leaf than the ledger says, none, a damaged one, or one of the authority that the
    ledger does not know. A look, which changes neither the host nor the ledger.
  - It looks into all folders in which the ledger has leaves of the host, and into O(destination). Leaves of other
    authorities are in the ledgers of those, and make no difference.
author:
  - The anchorage.pki contributors (@anchorage)
extends_documentation_fragment:
  - anchorage.pki.authority
  - anchorage.pki.attributes
  - anchorage.pki.actiongroup_pki
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details: Nothing is changed.
  idempotent:
    support: full
  platform:
    platforms: posix
    support: full
options:
  destination:
    description:
      - A folder on the host whose leaves are looked at, whether the ledger has some there, as
        O(anchorage.pki.leaf_certificate#module:destination) has it.
    type: str
    default: /etc/pki/anchorage
seealso:
  - module: anchorage.pki.authority_ledger
  - module: anchorage.pki.leaf_certificate
"""

EXAMPLES = r"""
- name: Hold the ledger against what the host has
  anchorage.pki.ledger_verification:
  become: true
  register: verification

- name: Show where they differ
  anchorage.pki.show:
    lines: "{{ verification.lines }}"
"""

RETURN = r"""
places:
  description: In how many places the ledger has a leaf of the host.
  returned: success
  type: int
differences:
  description: Where the host differs.
  returned: success
  type: list
  elements: dict
  contains:
    path:
      description: The folder of the leaf on the host.
      type: str
    difference:
      description:
        - V(nothing there), V(damaged), V(another leaf) of those that the ledger has, V(unknown leaf), which the
          authority signed and the ledger does not have, or V(foreign certificate).
      type: str
    recorded:
      description: The serial number in the ledger, in hexadecimal, or null.
      type: str
    found:
      description: The serial number on the host, in hexadecimal, or null.
      type: str
    detail:
      description: The same in a sentence.
      type: str
lines:
  description: All of that for people.
  returned: success
  type: list
  elements: str
"""
