# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether this environment's library has post-quantum keys, which the oldest one that is supported has not."""

from __future__ import annotations

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import POST_QUANTUM, KeyType, check_key_type


def is_possible(key_type: KeyType) -> bool:
    """Whether certificates can be signed with keys of that type here."""
    try:
        check_key_type(key_type)
    except PkiError:
        return False
    return True


HAS_ML_DSA = is_possible(POST_QUANTUM[0])
needs_ml_dsa = pytest.mark.skipif(not HAS_ML_DSA, reason="this release of cryptography signs nothing with ML-DSA")
