# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why nothing is known of what a server serves."""

from __future__ import annotations

from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError


class ProbeError(HostError):
    """Nothing that speaks TLS answered there, or not in time."""


class UnseenError(HostError):
    """A server answered, but there is no way to see its staple."""
