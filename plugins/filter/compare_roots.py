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
  - Compares the native roots of machines with one another and with Mozilla's set.
  - Certificates are compared as a whole, and where they differ, by their public key, which an authority may keep when
    it renews its root.
positional: _input
options:
  _input:
    description:
      - The name of each machine, with what a task with M(anchorage.pki.native_roots_info) registered for it, or with
        any other dictionary that has the list C(certificates).
      - A machine without this list counts as not read, and so does one with an empty list and errors in its report.
    type: dict
    required: true
  controller:
    description:
      - The same for the controller, which is compared as one more machine. The result calls it V(the controller), a
        name that no other machine may have.
    type: dict
  mozilla:
    description:
      - The certificates of Mozilla's set. Where this is omitted or empty, nothing is compared with it.
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
    msg: "{{ (machines | anchorage.pki.compare_roots(controller=controller, mozilla=mozilla)).lines }}"
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
      sample: {web1: 144, the controller: 145}
    not_read:
      description: The names of machines whose roots could not be read.
      returned: always
      type: list
      elements: str
    errors:
      description: What could not be read on a machine, or why it was not read at all, by its name.
      returned: always
      type: dict
      sample: {web2: ['/etc/ssl/cert.pem: the CERTIFICATE in line 1 has no END line']}
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
    unique:
      description: What one machine trusts, and neither another machine nor Mozilla.
      returned: always
      type: list
      elements: dict
    missing:
      description: What more than half of the machines trust, and which machines do not.
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
          description: The machines concerned.
          returned: always
          type: list
          elements: str
        same_key:
          description: Who trusts another certificate with the same key; C(Mozilla's set) is one of them.
          returned: always
          type: list
          elements: str
    not_in_mozilla:
      description: What is trusted but not in Mozilla's set.
      returned: always
      type: list
      elements: dict
    missing_from_mozilla:
      description: What is in Mozilla's set, and which machines do not trust it.
      returned: always
      type: list
      elements: dict
    lines:
      description: The comparison as lines of text.
      returned: always
      type: list
      elements: str
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any

from ansible.errors import AnsibleTypeError
from ansible_collections.anchorage.pki.plugins.module_utils._native_roots.load import error_line
from ansible_collections.anchorage.pki.plugins.plugin_utils._native_roots.audit import (
    CONTROLLER,
    MOZILLA,
    Machine,
    compare_roots,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._native_roots.audit_text import lines_of


def compare(machines: Any, controller: Any = None, mozilla: Any = None) -> dict[str, Any]:
    """The comparison as of now, with its text. Raises AnsibleTypeError for anything but results of machines."""
    if not isinstance(machines, Mapping):
        raise AnsibleTypeError("compare_roots takes a dictionary of results by the names of machines.")
    results = {str(name): result for name, result in machines.items()}
    for name in (CONTROLLER, MOZILLA):
        if name in results:
            raise AnsibleTypeError(f"compare_roots: no machine may be called {name}, a name with another meaning here.")
    if controller is not None:
        results[CONTROLLER] = controller
    read = {name: _machine(name, result) for name, result in results.items()}
    official = _machine("mozilla", {"certificates": mozilla}).certificates or ()
    audit = compare_roots(read, official, datetime.now(timezone.utc))
    return {**audit, "lines": lines_of(audit)}


def _machine(name: str, result: Any) -> Machine:
    """A machine, from the result of the module native_roots_info, or that of a failed connection."""
    try:
        errors = [error_line(error) for error in result.get("report", {}).get("errors", [])]
        certificates = result.get("certificates")
        if not (certificates is None or (isinstance(certificates, list) and all(map(_is_certificate, certificates)))):
            raise TypeError
    except (AttributeError, KeyError, TypeError):
        raise AnsibleTypeError(f"compare_roots: {name} is not what native_roots_info returns.") from None
    if certificates is None and "msg" in result:
        errors = [" ".join(str(result["msg"]).split())]
    return Machine(certificates, errors)


def _is_certificate(value: Any) -> bool:
    return all(isinstance(value[name], str) for name in ("sha256", "spki_sha256")) and all(
        value[name] is None or isinstance(value[name], str) for name in ("subject", "not_after")
    )


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"compare_roots": compare}
