# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A look at a host's staples of certificates that are not ours: the answer of the host half staple_deployment to
``inspect``, with or without Ansible. What this imports is compiled on each host in each run."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import Any, replace
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import Activation
from ansible_collections.anchorage.pki.plugins.module_utils._leaf_deployment.arguments import activation_of, decoded
from ansible_collections.anchorage.pki.plugins.module_utils._leaf_deployment.look import result_of
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_staple.arguments import destination_of
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_staple.inspection import inspect_staples
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_staple.messages import StapleInquiry, StapleInspection
from ansible_collections.anchorage.pki.plugins.module_utils._programs.installation import LAYOUT, Layout
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdrawal.drift import Withdrawal


def look(arguments: Mapping[str, Any], layout: Layout = LAYOUT) -> dict[str, Any]:
    """What the module answers to ``arguments`` that have an ``inspect``, all defaults filled in. Changes nothing."""
    return result_of(lambda: _inspect(arguments, layout))


def _inspect(arguments: Mapping[str, Any], layout: Layout) -> StapleInspection:
    layout = replace(layout, digests=arguments["digests"])
    inquiries = decoded("inspect", StapleInquiry, arguments["inspect"])
    activation, notice = activation_of(arguments)
    paths = {inquiry.name: inquiry.certificate for inquiry in inquiries}
    inspection = inspect_staples(inquiries, withdrawal_of(arguments, activation, paths, layout))
    return replace(inspection, notices=(*inspection.notices, *filter(None, [notice])))


def withdrawal_of(
    arguments: Mapping[str, Any], activation: Activation, certificates: Mapping[str, str], layout: Layout = LAYOUT
) -> Withdrawal:
    """Where staples are kept, and how they are withdrawn there: those of ``certificates``, paths by name.

    Raises HostError.
    """
    wanted = arguments["withdrawal"] == "auto"
    return Withdrawal(destination_of(arguments), activation, wanted, layout, certificates)
