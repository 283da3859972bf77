# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The status of a response, from its first bytes."""

from __future__ import annotations

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.status import response_status
from ansible_collections.anchorage.pki.tests.unit import ocsp_responder as responses
from ansible_collections.anchorage.pki.tests.unit.leaves import make_leaf
from cryptography.x509 import ocsp
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("der", "status"),
    [
        (responses.MALFORMED_REQUEST, "malformedRequest"),
        (responses.INTERNAL_ERROR, "internalError"),
        (responses.TRY_LATER, "tryLater"),
        (responses.SIG_REQUIRED, "sigRequired"),
        (responses.UNAUTHORIZED, "unauthorized"),
        (bytes.fromhex("30030a0104"), None),
        (bytes.fromhex("30030a0107"), None),
        (bytes.fromhex("3003020103"), None),
        (bytes.fromhex("30040a020003"), None),
        (bytes.fromhex("30020a00"), None),
        (bytes.fromhex("3000"), None),
        (bytes.fromhex("30030a010300"), None),
        (bytes.fromhex("30030a01"), None),
        (b"<html>", None),
        (b"", None),
    ],
)
def test_only_a_response_has_a_status(der: bytes, status: str | None) -> None:
    assert response_status(der) == status


@pytest.mark.parametrize("status", [each for each in ocsp.OCSPResponseStatus if each.value])
def test_the_names_are_those_that_the_library_has(status: ocsp.OCSPResponseStatus) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding

    response = ocsp.OCSPResponseBuilder.build_unsuccessful(status).public_bytes(Encoding.DER)
    assert (response_status(response) or "").lower() == status.name.replace("_", "").lower()


def test_a_real_staple_is_successful() -> None:
    assert response_status(make_leaf().staple) == "successful"


@given(st.binary())
def test_any_bytes_have_a_status_or_none(content: bytes) -> None:
    response_status(content)
    response_status(bytes([0x30, len(content)]) + content if len(content) < 128 else content)
