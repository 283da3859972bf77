# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The arguments of ocsp_staple, as Ansible validates them."""

from __future__ import annotations

from typing import Any

from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf_arguments import ACTIVATE_SPEC
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.requests import DIGESTS, SHA1
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp_staple.request import CONTROLLER

CERTIFICATE_SPEC: dict[str, Any] = {
    "issuer": {"type": "str"},
    "src": {"type": "path"},
    "response": {"type": "path"},
    "responder_url": {"type": "str"},
}
ARGUMENT_SPEC: dict[str, Any] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "name": {"type": "str"},
    "certificate": {"type": "str"},
    **CERTIFICATE_SPEC,
    "certificates": {
        "type": "list",
        "elements": "dict",
        "options": {
            "name": {"type": "str", "required": True},
            "certificate": {"type": "str", "required": True},
            **CERTIFICATE_SPEC,
        },
    },
    "fetch_from": {"type": "str", "choices": ["host", CONTROLLER], "default": "host"},
    "allow_private": {"type": "bool", "default": False},
    "certid_digest": {"type": "str", "choices": list(DIGESTS), "default": SHA1},
    "destination": {"type": "str", "default": "/etc/pki/anchorage-staples"},
    "owner": {"type": "str"},
    "group": {"type": "str"},
    "mode": {"type": "raw", "default": "0644"},
    "server": {"type": "str", "choices": ["none", "nginx", "haproxy"], "default": "none"},
    "activate": {"type": "dict", "options": ACTIVATE_SPEC},
    "withdrawal": {"type": "str", "choices": ["auto", "off"], "default": "auto"},
}
# An issuer and a URL may be the same for all certificates; all else is about one.
_OF_ONE = ("name", "certificate", "src", "response")
CONDITIONS: dict[str, Any] = {
    "mutually_exclusive": [(option, "certificates") for option in _OF_ONE],
    "required_one_of": [("name", "certificates")],
    "required_by": {"certificate": "name", "src": "name", "response": "name"},
    "required_if": [("state", "present", ("certificate", "certificates"), True)],
}
