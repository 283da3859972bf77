# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter anchorage.pki.ocsp_staple_table: results of ocsp_staple in check mode as a table for people."""

from __future__ import annotations

DOCUMENTATION = r"""
name: ocsp_staple_table
short_description: A readable table of the staples that hosts have for certificates of other authorities
version_added: 0.3.0
description:
  - Turns results of M(anchorage.pki.ocsp_staple) in check mode into the lines of a table. Each line has the host, the
    staple, its state, until when it is valid, how often in a row its responder gave none, when that one is asked again,
    and what to do, with the reason of the last failure. The last line says which staple ends first, or that a run is
    due now.
  - The states are V(served) (a probe saw it), V(deployed) (no probe looked), V(no staple) (the certificate can have
    none), V(missing), V(due), V(expired), V(withdrawn), V(repair), V(not served), V(failing) (its responder has given
    none and is left alone for a while), V(revoked), V(unreadable) (the certificate or its issuer cannot be read) and
    V(left over) (the task did not name it).
  - It has no lines where no host has such a staple and no task names one.
  - The playbook C(anchorage.pki.doctor) shows it for all hosts of an inventory.
options:
  _input:
    description:
      - The results by the names of their hosts. A host with an empty result counts as unreachable.
    type: dict
    required: true
seealso:
  - module: anchorage.pki.ocsp_staple
author:
  - The anchorage.pki contributors (@anchorage)
"""

EXAMPLES = r"""
- name: See what a run would do
  anchorage.pki.ocsp_staple:
    name: shop
    certificate: /etc/nginx/tls/shop.pem
    server: nginx
  check_mode: true
  register: staple

- name: Show it for every host
  anchorage.pki.show:
    lines: "{{ dict(ansible_play_hosts | zip(ansible_play_hosts | map('extract', hostvars, 'staple')))
      | anchorage.pki.ocsp_staple_table }}"
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

from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp_staple.table import staple_table
from ansible_collections.anchorage.pki.plugins.plugin_utils._table_filter import table_filter


class FilterModule:
    """Where Ansible looks for the filter."""

    def filters(self) -> dict[str, Callable[[Any], list[str]]]:
        return {"ocsp_staple_table": table_filter("ocsp_staple_table", staple_table)}
