# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: compare_roots
short_description: Compare what several machines trust
version_added: 0.1.0
author:
  - The anchorage.pki contributors (@anchorage)
description:
  - Holds the native roots of machines against one another and against Mozilla's set.
  - Certificates are compared as a whole, and where they differ, by their public key, which an authority keeps when it
    renews its root.
positional: _input
options:
  _input:
    description:
      - The name of each machine, with what a task with M(anchorage.pki.native_roots_info) registered for it, or with
        any other dictionary that has the list C(certificates).
      - A machine without this list is one that could not be read.
    type: dict
    required: true
  mozilla:
    description:
      - The certificates of Mozilla's set. Nothing is compared with it where this is left out or empty.
    type: list
    elements: dict
seealso:
  - module: anchorage.pki.native_roots_info
  - plugin: anchorage.pki.native_roots
    plugin_type: lookup
"""

EXAMPLES = r"""
- name: Compare this host with the controller and with Mozilla's set
  ansible.builtin.debug:
    msg: "{{ (machines | anchorage.pki.compare_roots(mozilla=mozilla)).lines }}"
  vars:
    machines:
      this host: "{{ roots }}"
      controller:
        certificates: "{{ query('anchorage.pki.native_roots') }}"
    mozilla: "{{ query('anchorage.pki.native_roots', source='certifi') }}"
"""

RETURN = r"""
_value:
  description: The comparison.
  type: dict
  contains:
    machines:
      description: The number of certificates that each machine trusts, by its name.
      returned: always
      type: dict
      sample: {web1: 144, controller: 145}
    unread:
      description: The names of machines that could not be read.
      returned: always
      type: list
      elements: str
    mozilla:
      description: The number of certificates in Mozilla's set, null where it was not given.
      returned: always
      type: int
      sample: 117
    expired:
      description: What is trusted although it has expired. Each finding is a dictionary as in RV(_value.missing).
      returned: always
      type: list
      elements: dict
    alone:
      description: What one machine trusts and nobody else does, Mozilla included.
      returned: always
      type: list
      elements: dict
    missing:
      description: What more than half of the machines trust, and which of them do not.
      returned: always
      type: list
      elements: dict
      contains:
        subject:
          description: The subject of the certificate (RFC 4514).
          returned: always
          type: str
        not_after:
          description: The end of its validity.
          returned: always
          type: str
        sha256:
          description: Its fingerprint.
          returned: always
          type: str
        spki_sha256:
          description: The SHA-256 of its public key.
          returned: always
          type: str
        machines:
          description: The machines that this is about.
          returned: always
          type: list
          elements: str
        same_key:
          description: Who trusts another certificate with the same key; V(Mozilla) stands for Mozilla's set.
          returned: always
          type: list
          elements: str
    beyond_mozilla:
      description: What is trusted and not in Mozilla's set.
      returned: always
      type: list
      elements: dict
    lacking_of_mozilla:
      description: What is in Mozilla's set, and which machines do not trust it.
      returned: always
      type: list
      elements: dict
    lines:
      description: All of it as text for a person.
      returned: always
      type: list
      elements: str
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from ansible_collections.anchorage.pki.plugins.plugin_utils.root_audit import Certificate, compare_roots
from ansible_collections.anchorage.pki.plugins.plugin_utils.root_audit_text import lines_of


def compare(machines: Mapping[str, Mapping[str, Any]], mozilla: Sequence[Certificate] | None = None) -> dict[str, Any]:
    """The comparison as it is now, with its text."""
    certificates = {str(name): result.get("certificates") for name, result in machines.items()}
    audit = compare_roots(certificates, mozilla or [], datetime.now(timezone.utc))
    return {**audit, "lines": lines_of(audit)}


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"compare_roots": compare}
