#!/usr/bin/python
# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documentation of the action plugin of the same name, which runs on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: authority_ledger
short_description: List, export and prune what the ledger of a local authority knows
version_added: 0.3.0
description:
  - Lists the certificates that an authority signed, writes them to a file for other programs, removes leaves that
    ended long ago, and forgets a host that is gone for good.
  - The controller's part alone. The playbook C(anchorage.pki.ledger) does the same by variables, and also holds the
    ledger against what hosts have, by M(anchorage.pki.ledger_verification).
author:
  - The anchorage.pki contributors (@anchorage)
extends_documentation_fragment:
  - anchorage.pki.authority
  - anchorage.pki.attributes
  - anchorage.pki.attributes.on_the_controller
  - anchorage.pki.actiongroup_pki
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  step:
    description:
      - V(list) changes nothing.
      - V(export) writes every certificate of the ledger to O(file).
      - V(prune) removes leaves that ended O(keep_days) ago. Those stay that are, or may be, the last ones of their
        places, that a list or response tells of, by whose revocation a place is to have no other leaf, or whose key was
        compromised. So do all certificates that are no leaf.
      - V(forget) enters that O(host) is gone for good. Nothing is renewed there any more, and no rotation or
        revocation waits for it. Its leaves stay in the ledger as V(superseded), and can be revoked by their serial
        numbers. A host that comes back, with its leaf, is known again as soon as it is visited.
    type: str
    choices: [list, export, prune, forget]
    default: list
  host:
    description:
      - With V(step=list), the host whose leaves are listed. With V(step=forget), the host that is gone, which is no
        longer in the inventory.
    type: str
  name:
    description:
      - With V(step=list), the name of the leaves that are listed, which is that of their folder.
    type: str
  state:
    description:
      - With V(step=list), what the leaves are that are listed. V(deployed) is what a host has confirmed, V(signed) is
        what nobody saw arrive, V(requested) is what M(anchorage.pki.requested_certificate) signed last under a name,
        V(superseded) was replaced or removed.
      - One that is revoked stays V(revoked) after its end. Others are V(ended) then. V(test) is what
        M(anchorage.pki.certificate_for_tests) made, whatever its time.
    type: str
    choices: [deployed, signed, requested, superseded, revoked, ended, test]
  ends_within_days:
    description:
      - With V(step=list), lists leaves that end within so many days, 1 to 36500.
    type: int
  search:
    description:
      - With V(step=list), lists certificates of any kind by their serial number or the beginning of their SHA-256
        fingerprint (eight digits or more), with colons or without, or by a part of one of their names. Of
        names beyond ASCII, whole labels are found as they are written.
    type: str
  merge:
    description:
      - With V(step=list), lists what these files have that V(step=export) wrote as V(jsonl) on several controllers,
        and not the ledger of this one, which need not exist. They are looked for as files of a playbook are.
      - What several files have is listed once, as the last one has it.
    type: list
    elements: str
    default: []
  file:
    description:
      - With V(step=export), the file on the controller. It is replaced at once, and for its owner alone (0600). No
        secret is in it.
    type: path
  format:
    description:
      - With V(step=export), JSON lines with a schema number, or CSV. Both have a line for each certificate.
    type: str
    choices: [jsonl, csv]
    default: jsonl
  keep_days:
    description:
      - With V(step=prune), for how many days leaves stay after their end, 30 to 36500 and no less than a staple lasts.
    type: int
    default: 365
  reason:
    description:
      - With V(step=forget), why the host is gone.
    type: str
seealso:
  - module: anchorage.pki.ledger_verification
  - module: anchorage.pki.certificate_revocation
"""

EXAMPLES = r"""
- name: Leaves that end within a month
  anchorage.pki.authority_ledger:
    ends_within_days: 30
  register: ledger

- name: Show them
  anchorage.pki.show:
    lines: "{{ ledger.lines }}"

- name: What a serial number is about
  anchorage.pki.authority_ledger:
    search: 0A:1B:2C:3D

- name: For a spreadsheet
  anchorage.pki.authority_ledger:
    step: export
    file: ~/ledger.csv
    format: csv

- name: The ledgers of two controllers
  anchorage.pki.authority_ledger:
    merge: [berlin.jsonl, lisbon.jsonl]

- name: A host that will not come back
  anchorage.pki.authority_ledger:
    step: forget
    host: web7
    reason: scrapped in May
"""

RETURN = r"""
certificates:
  description: What was listed.
  returned: with O(step=list)
  type: list
  elements: dict
  contains:
    authority:
      description: The common name of the authority whose ledger has it.
      type: str
    kind:
      description: V(root), V(cross), V(issuing), V(responder) or V(leaf).
      type: str
    serial_number:
      description: In hexadecimal.
      type: str
    sha256:
      description: The fingerprint, in hexadecimal.
      type: str
    issuer_sha256:
      description: The fingerprint of its issuer.
      type: str
    host:
      description: Of a leaf, the host in the inventory; else empty.
      type: str
    destination:
      description: Of a leaf, the folder on that host; else empty.
      type: str
    name:
      description: Of a leaf, its folder in that one; else empty.
      type: str
    names:
      description: Of a leaf, its subject alternative names.
      type: list
      elements: str
    private_key:
      description:
        - Where the key was made, V(controller) or V(host). V(requester) where somebody brought a request for it,
          V(test) of a leaf for tests.
      type: str
    not_before:
      description: From when on it is valid, in UTC.
      type: str
    not_after:
      description: Until when it is valid, in UTC.
      type: str
    status:
      description: V(signed), V(deployed), V(superseded) or V(revoked).
      type: str
    state:
      description: The same, or V(requested), V(ended) or V(test), as O(state) has it.
      type: str
    revoked_at:
      description: When it was revoked, in UTC, or null.
      type: str
    reason:
      description: Why it was revoked; empty where it was not.
      type: str
    staple_until:
      description: Until when the staple in use is valid, in UTC, or null.
      type: str
forgotten:
  description: The hosts that are gone for good, and have not come back.
  returned: with O(step=list)
  type: list
  elements: dict
  contains:
    host:
      description: The host.
      type: str
    reason:
      description: Why.
      type: str
    by:
      description: Who said so.
      type: str
    forgotten_at:
      description: When, in UTC.
      type: str
file:
  description: The file that was written.
  returned: with O(step=export)
  type: str
pruned:
  description: The serial numbers of the leaves that were removed, or in check mode would be.
  returned: with O(step=prune)
  type: list
  elements: str
valid:
  description: The serial numbers of the leaves of the host that are still valid.
  returned: with O(step=forget)
  type: list
  elements: str
lines:
  description: All of that for people.
  returned: success
  type: list
  elements: str
"""
