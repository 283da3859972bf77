# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The certificates of deployed leaves, for a controller whose ledger does not know them. No look has them, since almost
none is asked for them."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import (
    opened_folder,
    opened_subfolder,
    read_file,
)
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination import Destination, check_names
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.errors import translated_errors
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.files import CERTIFICATE
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.orders import Shown, ShownLeaf
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.pointers import deployed_generation


def show_leaves(destination: Destination, names: Sequence[str]) -> Shown:
    """The certificate of each leaf that is deployed. Changes nothing. Raises HostError."""
    check_names(names)
    with translated_errors(destination.path):
        return Shown(False, tuple(ShownLeaf(name, _certificate(destination, name)) for name in names))


def _certificate(destination: Destination, name: str) -> str:
    with opened_folder(destination.folder(name)) as folder:
        number = 0 if folder is None else deployed_generation(folder)
        if folder is None or number == 0:
            return ""
        with opened_subfolder(folder, f"v{number}") as generation:
            content = read_file(generation, CERTIFICATE) or b""
    return content.decode("ascii", "replace")
