# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The arguments of the host half leaf_deployment, made into what its tasks work with."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import Any
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.modes import private_key_mode
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import Attributes
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination import Destination
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import Activation
from ansible_collections.anchorage.pki.plugins.module_utils._wire.codec import MalformedError, Message, decode

_PUBLIC_MODE = 0o644


def destination_of(arguments: Mapping[str, Any]) -> Destination:
    """The destination that a task names. Raises HostError."""
    uid, gid = owners_of(arguments)
    return Destination(
        # As Ansible reads a path; it may have been so already.
        path=os.path.normpath(os.path.expanduser(os.path.expandvars(arguments["destination"]))),
        server=arguments["server"],
        public=Attributes(_PUBLIC_MODE, uid, gid),
        private=Attributes(private_key_mode(arguments["mode"]), uid, gid),
        responder_port=arguments["responder_port"],
    )


def owners_of(arguments: Mapping[str, Any]) -> tuple[int, int]:
    """The numbers of the user and the group that a task names, or of the user who runs. Raises HostError."""
    owner, group = arguments["owner"], arguments["group"]
    uid, gid = os.geteuid(), os.getegid()
    if owner is None and group is None:
        return uid, gid
    # Here, as further down, for looks that do not need it.
    from ansible_collections.anchorage.pki.plugins.module_utils._host.ownership import group_id, user_id

    return uid if owner is None else user_id(owner), gid if group is None else group_id(group)


def activation_of(arguments: Mapping[str, Any]) -> tuple[Activation, str]:
    """How a server is made to use the leaves, and "", or why nothing makes it. Raises HostError."""
    given = arguments["activate"]
    (asked,) = decoded("activate", Activation, [given]) if given else [Activation()]
    if not asked.server_commands:
        return asked, ""
    from ansible_collections.anchorage.pki.plugins.module_utils._leaf.server_commands import with_commands

    return with_commands(arguments["server"], asked)


def decoded(option: str, kind: Callable[..., Message], values: Sequence[Any]) -> list[Message]:
    """The messages of that kind that an option holds. Raises HostError."""
    try:
        return [decode(kind, value) for value in values]
    except MalformedError as error:
        raise HostError(f"{option}: {error}.") from error
