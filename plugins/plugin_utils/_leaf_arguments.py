# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The arguments of leaf_certificate, as Ansible validates them."""

from __future__ import annotations

from typing import Any

from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination import RESPONDER_PORT
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.servers import SERVERS
from ansible_collections.anchorage.pki.plugins.plugin_utils._action import AUTHORITY_SPEC, PASSPHRASE_SPEC
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import PROFILES
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import KEY_TYPES

LEAF_SPEC: dict[str, Any] = {
    "profile": {"type": "str", "choices": PROFILES},
    "key_type": {"type": "str", "choices": KEY_TYPES, "no_log": False},
    "private_key": {"type": "str", "choices": ["controller", "host"], "no_log": False},
    "lifetime": {"type": "int"},
    "staple": {"type": "bool"},
    "must_staple": {"type": "bool"},
    "pkcs12_passphrase": {"type": "str", "no_log": True},
}
DEFAULTS = {
    "profile": "server",
    "key_type": "ecdsa-p256",
    "private_key": "controller",
    "staple": True,
    "must_staple": False,
}
NAMES_SPEC: dict[str, Any] = {"type": "list", "elements": "str"}
PROBE_SPEC: dict[str, Any] = {
    "certificate": {"type": "str"},
    "address": {"type": "str", "default": "127.0.0.1"},
    "port": {"type": "int", "default": 443},
    "server_name": {"type": "str"},
}
ACTIVATE_SPEC: dict[str, Any] = {
    "test": {"type": "list", "elements": "str"},
    "reload": {"type": "list", "elements": "str"},
    "timeout": {"type": "int"},
    "probes": {"type": "list", "elements": "dict", "options": PROBE_SPEC},
}
ARGUMENT_SPEC: dict[str, Any] = {
    **AUTHORITY_SPEC,
    **PASSPHRASE_SPEC,
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "issue": {"type": "bool", "default": True},
    "urls": {"type": "bool", "default": True},
    "name": {"type": "str"},
    "names": NAMES_SPEC,
    **{
        option: {**spec, "default": DEFAULTS[option]} if option in DEFAULTS else spec
        for option, spec in LEAF_SPEC.items()
    },
    "certificates": {
        "type": "list",
        "elements": "dict",
        "options": {
            "name": {"type": "str", "required": True},
            "names": {**NAMES_SPEC, "required": True},
            **LEAF_SPEC,
        },
    },
    "destination": {"type": "str", "default": "/etc/pki/anchorage"},
    "owner": {"type": "str"},
    "group": {"type": "str"},
    "mode": {"type": "raw", "default": "0600"},
    "server": {"type": "str", "choices": list(SERVERS), "default": "none"},
    "responder_port": {"type": "int", "default": RESPONDER_PORT},
    "activate": {"type": "dict", "options": ACTIVATE_SPEC},
    "withdrawal": {"type": "str", "choices": ["auto", "off"], "default": "auto"},
    "publish": {"type": "path"},
}
CONDITIONS: dict[str, Any] = {
    "mutually_exclusive": [("name", "certificates"), ("names", "certificates")],
    "required_one_of": [("name", "certificates")],
    "required_by": {"names": "name"},
    "required_if": [("state", "present", ("names", "certificates"), True)],
}
