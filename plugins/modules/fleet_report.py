#!/usr/bin/python
# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_report
short_description: Write the state of all hosts as a page of HTML, or as JSON
version_added: 0.3.0
description:
  - Writes what the playbook C(anchorage.pki.doctor) found on the hosts of the play, so that people who run no playbooks
    can read it. The page has the authority with its ends and its permitted names, every trust store, every leaf
    certificate and its staple, staples for certificates of other authorities, and revoked leaves that may still be in
    use. What needs somebody comes first; the rest is folded away.
  - The page is one file. It loads nothing and runs no script, so it can be sent by mail or be put on any web server.
    What hosts reported is shown as text, whatever it is.
  - The playbook C(anchorage.pki.report) is the doctor with this task as its last one.
  - It reads the variables that the doctor registers, C(anchorage_trust), C(leaf_certificate_result),
    C(ocsp_staple_result) and C(anchorage_authority_found), of all hosts of the play. It is one task for all of them, so
    it needs C(run_once), and a strategy that knows that.
  - It runs on the controller alone.
options:
  page:
    description:
      - A file on the controller that is replaced by the page, with mode C(0600). A relative path starts in the current
        folder.
      - What is there and no regular file, such as a symbolic link or a device, is refused and left alone.
      - It is left alone in check mode.
    type: path
  file:
    description:
      - The same for a file with JSON, whose fields are in the documentation of reports.
      - One of O(page) and O(file) is required.
    type: path
  ledgers:
    description:
      - Files on the controller to which other controllers exported their ledgers as JSON lines, by
        M(anchorage.pki.authority_ledger). Their certificates are in the report too, each with its authority and the
        file. The hosts of those controllers are not asked.
      - A file that is no whole export is refused, and nothing is written. Of a certificate that an authority exported
        to several of them, the last one counts.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - anchorage.pki.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details: A report is no state of a host.
  idempotent:
    support: N/A
    details: Each run has a report of its own.
  platform:
    platforms: all
    support: full
seealso:
  - module: anchorage.pki.authority_ledger
  - module: anchorage.pki.run_report
  - module: anchorage.pki.trust_anchor_info
  - module: anchorage.pki.certificate_authority_info
author:
  - The anchorage.pki contributors (@anchorage)
"""

EXAMPLES = r"""
- name: Look at all hosts
  ansible.builtin.import_playbook: anchorage.pki.doctor

- name: Tell others
  hosts: all
  gather_facts: false
  strategy: ansible.builtin.linear
  tasks:
    - name: Write a page, and the same as JSON
      anchorage.pki.fleet_report:
        page: ~/fleet.html
        file: ~/fleet.json
      run_once: true
"""

RETURN = r"""
written:
  description: The files that were written; none in check mode.
  returned: success
  type: list
  elements: str
  sample: [/home/ops/fleet.html]
"""
