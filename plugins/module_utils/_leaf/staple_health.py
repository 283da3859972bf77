# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a generation is undamaged that has a staple of a certificate which is not ours, or none yet."""

from __future__ import annotations

from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import read_file
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.files import CERTIFICATE, STAPLE
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.generations import fingerprints
from ansible_collections.anchorage.pki.plugins.module_utils._x509.der import is_whole_der


def checked_staple_files(generation: int) -> dict[str, bytes]:
    """The generation's files. Raises HostError with what is wrong with them, OSError."""
    contents = {file_name: read_file(generation, file_name) for file_name in (CERTIFICATE, STAPLE)}
    files = {file_name: content for file_name, content in contents.items() if content is not None}
    if CERTIFICATE not in files:
        raise HostError(f"{CERTIFICATE} is missing")
    try:
        fingerprints(files)
    except ValueError as error:
        raise HostError(f"{CERTIFICATE} is not a certificate") from error
    if STAPLE in files and not is_whole_der(files[STAPLE]):
        raise HostError(f"{STAPLE} is truncated or not DER")
    return files
