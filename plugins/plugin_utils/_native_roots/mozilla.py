# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mozilla's root set from the Python package certifi, for comparison."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError


def mozilla_file() -> Path:
    """The file in PEM. Raises PkiError where the package is missing, or patched to return the system's own store."""
    try:
        import certifi
    except ImportError:
        raise PkiError("Mozilla's root set is missing: install the Python package certifi on the controller.") from None
    package = Path(certifi.__file__).resolve().parent
    file = Path(certifi.where()).resolve()
    if package not in file.parents:
        raise PkiError(
            f"The package certifi on the controller is patched by its distribution to return {file}, which is not "
            "Mozilla's root set. Install certifi from PyPI in the virtual environment of ansible-core."
        )
    return file
