# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A leaf and its issuer, whose staples are signed and verified."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import Signer
from cryptography import x509


@pytest.fixture(scope="session")
def leaf(make_leaf: Callable[..., x509.Certificate]) -> x509.Certificate:
    return make_leaf("app.test")


@pytest.fixture(scope="session")
def issuer(issuing: Signer) -> x509.Certificate:
    return issuing.certificate
