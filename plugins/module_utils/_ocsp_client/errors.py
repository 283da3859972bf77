# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why no OCSP response came."""

from __future__ import annotations

from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError


class FetchError(HostError):
    """The message is a sentence without its full stop, which names who did what.

    ``transient`` is whether the same question may well be answered a little later; ``retry_after`` in how many seconds
    the server asks for it, 0 where it does not say.
    """

    def __init__(self, reason: str, transient: bool = False, retry_after: int = 0) -> None:
        super().__init__(reason)
        self.transient = transient
        self.retry_after = retry_after


class RefusedError(FetchError):
    """The server refuses the request as it is, be it for its method or for what is in its path."""
