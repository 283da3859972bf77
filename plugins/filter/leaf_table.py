# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter anchorage.pki.leaf_table: results of leaf_certificate in check mode as a table for people."""

from __future__ import annotations

DOCUMENTATION = r"""
name: leaf_table
short_description: A readable table of every leaf certificate on every host
version_added: 0.3.0
description:
  - Turns results of M(anchorage.pki.leaf_certificate) in check mode into the lines of a table. Each line has the host,
    the leaf, its state, until when leaf and staple are valid, and what to do about it. The last line says which
    expires first, or that a run is due now.
  - The states are V(served) (a probe saw it), V(deployed) (no probe looked), V(missing), V(due), V(expired),
    V(repair), V(not served), V(left over) (the ledger knows it, and the task did not name it) and V(unknown) (no ledger
    knows it).
  - The playbook C(anchorage.pki.doctor) shows it for all hosts of an inventory.
options:
  _input:
    description:
      - The results by the names of their hosts. A host with an empty result counts as unreachable.
    type: dict
    required: true
seealso:
  - module: anchorage.pki.leaf_certificate
author:
  - The anchorage.pki contributors (@anchorage)
"""

EXAMPLES = r"""
- name: See what a run would do
  anchorage.pki.leaf_certificate:
    name: app
    names: [app.internal]
  check_mode: true
  register: leaf

- name: Show it for every host
  anchorage.pki.show:
    lines: "{{ dict(ansible_play_hosts | zip(ansible_play_hosts | map('extract', hostvars, 'leaf')))
      | anchorage.pki.leaf_table }}"
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

from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.table import leaf_table
from ansible_collections.anchorage.pki.plugins.plugin_utils._table_filter import table_filter


class FilterModule:
    """Where Ansible looks for the filter."""

    def filters(self) -> dict[str, Callable[[Any], list[str]]]:
        return {"leaf_table": table_filter("leaf_table", leaf_table)}
