# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter anchorage.pki.trust_table: results of trust_anchor_info as a table for people."""

from __future__ import annotations

DOCUMENTATION = r"""
name: trust_table
short_description: A readable table of every trust store on every host
version_added: 0.1.0
description:
  - Turns results of M(anchorage.pki.trust_anchor_info) into the lines of a table. Each line has the host, the store,
    its state, which programs read it, and what to do about it.
  - The playbook C(anchorage.pki.doctor) shows it for all hosts of an inventory.
options:
  _input:
    description:
      - The results by the names of their hosts. A host with an empty result counts as unreachable.
    type: dict
    required: true
seealso:
  - module: anchorage.pki.trust_anchor_info
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
_value:
  description: The lines of the table.
  type: list
  elements: str
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.anchorage.pki.plugins.plugin_utils._table_filter import table_filter
from ansible_collections.anchorage.pki.plugins.plugin_utils._trust.table import trust_table


class FilterModule:
    """Where Ansible looks for the filter."""

    def filters(self) -> dict[str, Callable[[Any], list[str]]]:
        return {"trust_table": table_filter("trust_table", trust_table)}
