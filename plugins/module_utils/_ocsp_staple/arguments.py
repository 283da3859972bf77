# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The arguments of the host half staple_deployment, made into what its tasks work with."""

from __future__ import annotations

import os
from collections.abc import Mapping

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import Any
from ansible_collections.anchorage.pki.plugins.module_utils._host.modes import file_mode
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import Attributes
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination import Destination
from ansible_collections.anchorage.pki.plugins.module_utils._leaf_deployment.arguments import owners_of


def destination_of(arguments: Mapping[str, Any]) -> Destination:
    """The destination that a task names. Raises HostError."""
    attributes = Attributes(file_mode(arguments["mode"]), *owners_of(arguments))
    return Destination(
        # As Ansible reads a path; it may have been so already.
        path=os.path.normpath(os.path.expanduser(os.path.expandvars(arguments["destination"]))),
        server=arguments["server"],
        public=attributes,
        private=attributes,  # there is nothing private in it
        staples_only=True,
    )
