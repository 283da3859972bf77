# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The arguments by which Ansible takes a message to the host, of the fields that the message declares."""

from __future__ import annotations

from typing import Any

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import Field, fields_of
from ansible_collections.anchorage.pki.plugins.module_utils._wire.codec import ARGUMENT, encode


def argument_spec(kind: type[Any]) -> dict[str, dict[str, Any]]:
    """The arguments of an Ansible module that together are a message of that kind."""
    return {name: _argument(declaration) for name, declaration in fields_of(kind).items()}


def _argument(declaration: Field) -> dict[str, Any]:
    argument = dict(declaration.metadata[ARGUMENT])
    if "options" in argument:
        argument["options"] = argument_spec(argument["options"])
    if declaration.default is ...:
        return {**argument, "required": True}
    return {**argument, "default": encode(declaration.default)}
