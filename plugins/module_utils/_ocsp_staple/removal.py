# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The removal of staples whose certificates are not ours: all that was created for them, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import replace
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import opened_folder
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination import Destination, check_names
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.errors import translated_errors
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.orders import Removal, RemovedLeaf
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.removal import remove_leaves
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_staple.link_changes import remove_links
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_staple.source import read_source
from ansible_collections.anchorage.pki.plugins.module_utils._programs.installation import LAYOUT, Layout
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdrawal.setup import take_down


def remove_staples(
    destination: Destination, names: Sequence[str], check_mode: bool, layout: Layout = LAYOUT
) -> Removal:
    """Remove the staples ``names``, and what withdraws them. Raises HostError."""
    check_names(names)
    with translated_errors(destination.path):
        linked = [name for name in names if _remove_links(destination, name, check_mode)]
    removal = take_down(
        remove_leaves(destination, names, check_mode, layout=layout), destination.path, check_mode, layout
    )
    certificates = tuple(RemovedLeaf(each.name, each.removed or each.name in linked) for each in removal.certificates)
    return replace(removal, changed=removal.changed or bool(linked), certificates=certificates)


def _remove_links(destination: Destination, name: str, check_mode: bool) -> bool:
    with opened_folder(destination.folder(name), foreign=True) as folder:
        certificate = read_source(folder).certificate
    return remove_links(destination, name, certificate, check_mode)
