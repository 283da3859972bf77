#!/usr/bin/python
# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: show
short_description: Print lines as they are
version_added: 0.3.0
description:
  - Prints lines for people, such as those of the filter P(anchorage.pki.trust_table#filter), without the brackets, the
    quotation marks and the indentation of M(ansible.builtin.debug).
  - It runs on the controller alone.
options:
  lines:
    description:
      - The lines.
    type: list
    elements: str
    required: true
extends_documentation_fragment:
  - anchorage.pki.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details: Nothing is changed.
  idempotent:
    support: full
  platform:
    platforms: all
    support: full
seealso:
  - plugin: anchorage.pki.trust_table
    plugin_type: filter
author:
  - The anchorage.pki contributors (@anchorage)
"""

EXAMPLES = r"""
- name: Look at the stores of every host
  anchorage.pki.trust_anchor_info:
  register: trust

- name: Show what all of them say
  anchorage.pki.show:
    lines: "{{ dict(ansible_play_hosts | zip(ansible_play_hosts | map('extract', hostvars, 'trust')))
      | anchorage.pki.trust_table }}"
  run_once: true
"""

RETURN = r"""
lines:
  description: The lines that were printed.
  returned: always
  type: list
  elements: str
"""
