#!/usr/bin/python
# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: run_report
short_description: Tell what became of each host in a run
version_added: 0.3.0
description:
  - Prints in a few lines what the roles P(anchorage.pki.trust_anchor#role) and P(anchorage.pki.leaf_certificate#role)
    did in this run to the hosts of the play. Hosts that are as they were are counted; the others are in a table, with
    what changed, or why they failed or could not be reached.
  - On request it writes the same as JSON, with all that those tasks returned for each host.
  - The playbook C(anchorage.pki.site) has it as its last task.
  - It reads C(trust_anchor_result) and C(leaf_certificate_result), which those roles register, of all hosts of the
    play, also of those that failed or were unreachable in a play before. It is one task for all of them, so it needs
    C(run_once), and a strategy that knows that.
  - After a play in which all hosts failed, Ansible runs no further one. A task of this module with O(complete=false) in
    a play before has the file say so.
  - It runs on the controller alone.
options:
  complete:
    description:
      - V(false) at the beginning of a run, to write to O(file) that the run is not complete. Nothing is printed.
    type: bool
    default: true
  file:
    description:
      - A file on the controller that is replaced, with mode C(0600). A relative path starts in the current folder.
      - What is there and no regular file, such as a symbolic link or a device, is refused and left alone.
      - It is left alone in check mode.
    type: path
extends_documentation_fragment:
  - anchorage.pki.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details: A report of a run is no state of a host.
  idempotent:
    support: N/A
    details: Each run has a report of its own.
  platform:
    platforms: all
    support: full
seealso:
  - module: anchorage.pki.trust_anchor
  - module: anchorage.pki.leaf_certificate
  - module: anchorage.pki.show
author:
  - The anchorage.pki contributors (@anchorage)
"""

EXAMPLES = r"""
- name: Have the web servers trust the authority
  hosts: web
  become: true
  roles:
    - role: anchorage.pki.trust_anchor

- name: Say what became of them
  hosts: web
  gather_facts: false
  strategy: ansible.builtin.linear
  tasks:
    - name: Show it, and write the report
      anchorage.pki.run_report:
        file: ~/report.json
      run_once: true
"""

RETURN = r"""
lines:
  description: The lines that were printed.
  returned: always
  type: list
  elements: str
  sample: ['2 hosts: 2 unchanged.']
"""
