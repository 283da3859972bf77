# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""OpenSSL's judgement of a generation's key: it takes long to load, and a look at an undamaged leaf does without."""

from __future__ import annotations

import os
import ssl

from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.files import COMBINED


def check_key(path: str) -> None:
    """Raise HostError unless the private key in the generation at ``path`` fits its certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # The empty password keeps OpenSSL from asking for one at the terminal.
        context.load_cert_chain(os.path.join(path, COMBINED), password="")
    except (ssl.SSLError, ValueError) as error:
        reason = getattr(error, "reason", None) or "it cannot be read"
        raise HostError(f"the private key does not fit the certificate ({reason})") from error
