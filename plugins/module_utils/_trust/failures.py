# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can go wrong in a store. The words for it are in failure_texts.py."""

from __future__ import annotations

from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError

# What a store can raise: errors of ours, of the system, and those of content in a shape that nobody expected.
STORE_ERRORS = (HostError, OSError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
