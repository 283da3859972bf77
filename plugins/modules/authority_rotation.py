#!/usr/bin/python
# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documentation of the action plugin of the same name, which runs on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: authority_rotation
short_description: Have one root of a local authority give way to another, step by step
version_added: 0.3.0
description:
  - Says how far the rotation of an authority's root is, who keeps it there and what comes next, and with another
    O(step) begins it, goes on with it, gives it up, leaves a host out, or counts it again.
  - The state is in the authority's ledger. Each step is one transaction, judged by what is true then, so that a run
    which is cut off is continued by the next one, and of several runs at once one takes the step.
  - "No host is contacted: what hosts trust and which leaves they have is known from M(anchorage.pki.trust_anchor) and
    M(anchorage.pki.leaf_certificate). The playbook C(anchorage.pki.rotate_authority) does all of it in order."
  - The states are V(planned), V(made), V(distributing) (hosts are to trust both roots), V(switching) (leaves are
    issued below the new root), V(draining) (the old root stays for clients that nobody manages), V(purging) (hosts lose
    the old root) and V(done). Up to V(distributing), the rotation can be given up, after which it is V(aborted).
  - Hosts that count are those of O(hosts), those with a leaf that may be in use, and those that ever showed that they
    trust the old root, and not that it is gone. Releases before 0.3.0 did not enter what hosts trust, so have all of
    them visited by M(anchorage.pki.trust_anchor) first.
  - The ledger keeps the hosts that counted with V(step=begin) or V(step=continue). They go on to count, whatever
    O(hosts) has later, until V(step=leave_out).
  - Without any host in O(hosts), the states V(distributing) and V(purging) stay, since the hosts may have been
    forgotten. Only where nobody but V(localhost) ever counted, by a leaf, nobody has to be named.
  - A host has followed once each of its trust stores has shown that. A store of a kind that
    O(anchorage.pki.trust_anchor#module:stores) no longer asks for counts as it was seen last.
  - At the end, private keys are removed for good that nothing is signed with any more, and certificates stay. These are
    the key of the old root, and those of its issuing authorities and their responders once the last leaf of them has
    ended, wherever that is. Until then lists and staples need them, and the step V(continue) removes them after that.
    Of a rotation that is given up, they are the keys of the new root and of what is below it.
author:
  - The anchorage.pki contributors (@anchorage)
extends_documentation_fragment:
  - anchorage.pki.authority
  - anchorage.pki.authority.passphrases
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
      - V(status) changes nothing.
      - V(begin) checks the keys and passphrases, and plans a rotation unless one is on its way.
      - V(continue) takes all steps that nobody keeps the rotation from. Where somebody does, it is no failure.
      - V(abort) gives the rotation up. Hosts that trust the new root already, which only can be with RV(introduced),
        lose it by the option O(anchorage.pki.trust_anchor#module:purge_superseded).
      - V(leave_out) does not wait for O(host) any longer.
      - V(wait_for) waits again for O(host), which was left out.
    type: str
    choices:
      - status
      - begin
      - continue
      - abort
      - leave_out
      - wait_for
    default: status
  hosts:
    description:
      - The hosts that have to follow, by their names in the inventory, also those that this run does not visit. Those
        that the ledger knows count as well.
      - With O(step=continue), those that no earlier run of the rotation named go on to count from then on. A warning
        and the diff list them, in check mode before they do.
    type: list
    elements: str
    default: []
  compromised:
    description:
      - With V(step=begin), has hosts lose the old root as soon as they can, since somebody else may have its key.
      - No cross certificate is made, no host is waited for before leaves change, and nothing stays for clients that
        nobody manages. RV(omitted) says what that means.
    type: bool
    default: false
  reason:
    description:
      - With V(step=begin), why the root is rotated. With V(step=leave_out), why the host is not waited for, which is
        needed then.
    type: str
  key_type:
    description:
      - With V(step=begin), the type of the new root's key and of those below it, as the option
        O(anchorage.pki.certificate_authority#module:key_type) has it. Without it, that stays as it is.
    type: str
    choices: [ecdsa-p256, ecdsa-p384, rsa-3072, rsa-4096, ed25519, ml-dsa-44, ml-dsa-65, ml-dsa-87]
  root_key_uri:
    description:
      - With V(step=begin) and V(step=continue), the PKCS#11 token that has the new root's key, as the option
        O(anchorage.pki.certificate_authority#module:root_key_uri) has it. Without it, a key of its own on the former
        one's token, or a file where that is in one.
    type: str
    version_added: 0.3.0
  issuing_key_uri:
    description:
      - The same for the issuing authority below it.
    type: str
    version_added: 0.3.0
  permitted_domains:
    description:
      - With V(step=begin), the domains that the new root permits, those of the old one among them, so that all leaves
        can follow; as O(anchorage.pki.certificate_authority#module:permitted_domains) has them. Without it, they stay.
      - Leaves with names that the old root does not permit are issued from V(switching) on, and refused before that.
    type: list
    elements: str
  permitted_networks:
    description:
      - The same for networks, as O(anchorage.pki.certificate_authority#module:permitted_networks) has them.
    type: list
    elements: str
  unconstrained:
    description:
      - With V(step=begin), whether the new root permits every name, as
        O(anchorage.pki.certificate_authority#module:unconstrained) has it.
    type: bool
  host:
    description:
      - With V(step=leave_out), the host that is not waited for any longer, one of RV(counted). With V(step=wait_for),
        the host that is, one of RV(exceptions).
    type: str
  overlap_days:
    description:
      - For how many days hosts go on to trust the old root once no leaf below it is in use, 0 to 3650.
      - With V(step=begin) and V(step=continue), the ledger keeps it with the rotation, and it holds until another one
        is given, which the result then warns of. Where none was ever given, it is 7. Other steps refuse it.
    type: int
  proof_days:
    description:
      - For how many days it counts what a host has shown of its trust stores, 2 to 3650, in this task alone.
    type: int
    default: 7
  publish:
    description:
      - A folder on the controller into which the list of the new root is published before its issuing certificate is
        made, as the option O(anchorage.pki.certificate_authority#module:publish) has it.
    type: path
seealso:
  - module: anchorage.pki.certificate_authority
  - module: anchorage.pki.leaf_certificate
  - module: anchorage.pki.trust_anchor
"""

EXAMPLES = r"""
- name: Say how far the rotation is
  anchorage.pki.authority_rotation:
    hosts: "{{ groups.all }}"
  register: rotation

- name: Show it
  anchorage.pki.show:
    lines: "{{ rotation.lines }}"

- name: Begin one
  anchorage.pki.authority_rotation:
    step: begin
    reason: the root ends next year
    hosts: "{{ groups.all }}"

- name: Begin one that brings another domain, which the variables of certificate_authority name from now on
  anchorage.pki.authority_rotation:
    step: begin
    permitted_domains: [localhost, local, test, internal, home.arpa, corp.example]
    hosts: "{{ groups.all }}"

- name: Do not wait for a host that is gone
  anchorage.pki.authority_rotation:
    step: leave_out
    host: web7
    reason: scrapped in May
"""

RETURN = r"""
state:
  description:
    - The state of the last rotation once the task is done; V(none) where there was none yet. In check mode, the state
      as it is, and not as it would be.
  returned: success
  type: str
  sample: distributing
steps:
  description: The states that the rotation came into by the task, or in check mode would, in their order.
  returned: success
  type: list
  elements: str
next_state:
  description: The state that comes next, or null.
  returned: success
  type: str
can_abort:
  description: Whether the rotation can be given up.
  returned: success
  type: bool
blockers:
  description: What keeps the rotation in its state.
  returned: success
  type: list
  elements: dict
  contains:
    host:
      description: The host, or null where it is a time that has not passed, or where no host is named.
      type: str
    reason:
      description: Why, in a sentence.
      type: str
counted:
  description: The hosts that have to follow, left-out ones included.
  returned: success
  type: list
  elements: str
exceptions:
  description: The hosts that are not waited for.
  returned: success
  type: list
  elements: dict
  contains:
    host:
      description: The host.
      type: str
    reason:
      description: Why.
      type: str
still_trusting:
  description:
    - The hosts that trust the old root, as far as is known, and those that count and have never shown whether they do.
      Of the latter, only those in RV(exceptions) once it is V(done), since a host that came later never had the root.
  returned: success
  type: list
  elements: str
cross_certificate:
  description:
    - Whether clients that know the old root alone accept leaves of the new one, by a certificate of the new root's key
      that the old one signs.
  returned: success
  type: bool
emergency:
  description: Whether the rotation began with O(compromised).
  returned: success
  type: bool
introduced:
  description:
    - Whether hosts were to trust the new root in this rotation, so that some may, also once it is given up.
  returned: success
  type: bool
omitted:
  description: What an emergency leaves out, and what that means; empty otherwise.
  returned: success
  type: list
  elements: str
brings:
  description:
    - What the new root brings that only another one can, as options of M(anchorage.pki.certificate_authority); null
      where that stays as it is, and from V(switching) on.
  returned: success
  type: dict
  contains:
    key_type:
      description: The type of keys.
      type: str
    unconstrained:
      description: Whether every name is permitted.
      type: bool
    permitted_domains:
      description: The domains that are permitted.
      type: list
      elements: str
    permitted_networks:
      description: The networks that are permitted.
      type: list
      elements: str
started_at:
  description: When the rotation began, in UTC, or null.
  returned: success
  type: str
state_at:
  description: When it came into its state, in UTC, or null.
  returned: success
  type: str
overlap_days:
  description: For how many days the old root stays once no leaf below it is in use; null where there was no rotation.
  returned: success
  type: int
overlap_until:
  description: Until when the old root stays, in UTC; null outside V(draining).
  returned: success
  type: str
from_root:
  description: The SHA-256 fingerprint of the old root in hexadecimal, or null.
  returned: success
  type: str
to_root:
  description: The SHA-256 fingerprint of the new root in hexadecimal, or null.
  returned: success
  type: str
removed_keys:
  description: The files of private keys that the task removed, or in check mode would.
  returned: success
  type: list
  elements: str
lines:
  description:
    - All of that for people, with the commands to go on, to give up, and to leave a host out. They have C(INVENTORY)
      where yours belongs.
  returned: success
  type: list
  elements: str
"""
