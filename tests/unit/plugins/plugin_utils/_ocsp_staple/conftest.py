# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests for staples of an authority that is not ours, and what a host says of its certificates."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_staple.messages import DeployedStaple
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import fingerprint
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp_staple.request import StapleRequest
from ansible_collections.anchorage.pki.tests.unit.foreign_authority import DAY, ForeignAuthority
from ansible_collections.anchorage.pki.tests.unit.roots import make_root, pem_of
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec


@pytest.fixture(scope="session")
def foreign(now: datetime) -> ForeignAuthority:
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = make_root("Corporate", key=key, not_before=now - 400 * DAY, not_after=now + 400 * DAY)
    return ForeignAuthority(certificate, key, now)


@pytest.fixture(scope="session")
def leaf(foreign: ForeignAuthority) -> x509.Certificate:
    """Of a serial by which a staple is due at half of its lifetime, and a pause no longer than it is."""
    return foreign.leaf(serial=1000)


def ask_for(name: str = "app", **options: Any) -> StapleRequest:
    given: dict[str, Any] = {"issuer": "", "src": (), "response": b"", "responder_url": "", **options}
    return StapleRequest(name=name, certificate=f"/etc/ssl/{name}.pem", **given)


@pytest.fixture(scope="session")
def request_staple() -> Callable[..., StapleRequest]:
    """A function that makes a request, as a task with the given options would."""
    return ask_for


@pytest.fixture(scope="session")
def deployed(foreign: ForeignAuthority, leaf: x509.Certificate) -> Callable[..., DeployedStaple]:
    """A function that says what a host has: a staple of half a day for the leaf, unless told otherwise."""

    def has(name: str = "app", about: x509.Certificate = leaf, **facts: Any) -> DeployedStaple:
        return DeployedStaple(
            **{
                "name": name,
                "path": f"/etc/ssl/{name}.pem",
                "certificate": pem_of(about).decode(),
                "chain": foreign.pem,
                "generation": 3,
                "leaf_sha256": fingerprint(about),
                "staple": foreign.response(about),
                **facts,
            }
        )

    return has
