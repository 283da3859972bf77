# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of certificate_authority: those that only another root can change, which authority_rotation has, too, and
those of a development proxy."""

from __future__ import annotations

from typing import Any

from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import KEY_TYPES

ROOT_SPEC: dict[str, Any] = {
    "key_type": {"type": "str", "choices": KEY_TYPES, "no_log": False},
    "permitted_domains": {"type": "list", "elements": "str"},
    "permitted_networks": {"type": "list", "elements": "str"},
    "unconstrained": {"type": "bool"},
    "root_key_uri": {"type": "str", "no_log": False},
    "issuing_key_uri": {"type": "str", "no_log": False},
}
#: Which of them exclude one another.
ROOT_CONDITIONS = [("unconstrained", "permitted_domains"), ("unconstrained", "permitted_networks")]

PROXY_SPEC: dict[str, Any] = {
    "development_proxy": {
        "type": "dict",
        "options": {
            "folder": {"type": "path", "required": True},
            "owner": {"type": "str"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
    }
}
