# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A look at a host's leaves: the answer of the host half leaf_deployment to ``inspect``, with or without Ansible.

What this imports is compiled on each host in each run. So it is as little as can be, what an unchanged host does not
need is imported where it is needed, and nothing of Ansible is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import Any, replace
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.text import encodable
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.inspection import inspect_leaves
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import Inquiry, Inspection
from ansible_collections.anchorage.pki.plugins.module_utils._leaf_deployment.arguments import (
    activation_of,
    decoded,
    destination_of,
)
from ansible_collections.anchorage.pki.plugins.module_utils._programs.installation import LAYOUT, Layout
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdrawal.drift import Withdrawal, with_drift
from ansible_collections.anchorage.pki.plugins.module_utils._wire.codec import encode


def look(arguments: Mapping[str, Any], layout: Layout = LAYOUT) -> dict[str, Any]:
    """What the module answers to ``arguments`` that have an ``inspect``, all defaults filled in. Changes nothing."""
    return result_of(lambda: _inspect(arguments, layout))


def result_of(task: Callable[[], Any]) -> dict[str, Any]:
    """The result of a module whose ``task`` answers so, or fails."""
    try:
        return {"changed": False, **encode(task())}
    except HostError as error:
        return {"failed": True, "msg": encodable(str(error))}


def _inspect(arguments: Mapping[str, Any], layout: Layout) -> Inspection:
    destination, layout = destination_of(arguments), replace(layout, digests=arguments["digests"])
    activation, notice = activation_of(arguments)
    withdrawal = Withdrawal(destination, activation, arguments["withdrawal"] == "auto", layout)
    inquiries = decoded("inspect", Inquiry, arguments["inspect"])
    inspection = with_drift(inspect_leaves(destination, inquiries, activation, layout=layout), inquiries, withdrawal)
    return replace(inspection, notices=(*inspection.notices, *filter(None, [notice])))
