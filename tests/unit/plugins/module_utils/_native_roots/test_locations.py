# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the choice of locations."""

from __future__ import annotations

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._native_roots.locations import (
    Configured,
    candidate_locations,
    configured_locations,
)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"SSL_CERT_DIR": ""}, None),
        ({"SSL_CERT_DIR": "::"}, None),
        ({"SSL_CERT_FILE": "/a"}, Configured("/a", ())),
        ({"SSL_CERT_FILE": ""}, Configured("", ())),
        ({"SSL_CERT_FILE": "", "SSL_CERT_DIR": "/b"}, Configured("", ("/b",))),
        ({"SSL_CERT_DIR": "/a"}, Configured(None, ("/a",))),
        ({"SSL_CERT_DIR": ":/a::/b:"}, Configured(None, ("/a", "/b"))),
        ({"SSL_CERT_FILE": "/a:b", "SSL_CERT_DIR": "/c"}, Configured("/a:b", ("/c",))),
    ],
)
def test_the_users_choice(environment: dict[str, str], expected: Configured | None) -> None:
    assert configured_locations(environment) == expected


CA_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"


@pytest.mark.parametrize(
    ("platform", "files", "folders"),
    [
        (
            "linux",
            (
                CA_CERTIFICATES,
                "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
                "/etc/pki/tls/certs/ca-bundle.crt",
                "/etc/ssl/ca-bundle.pem",
                "/etc/pki/tls/cacert.pem",
                "/etc/ssl/cert.pem",
                "/opt/etc/ssl/certs/ca-certificates.crt",
                "/etc/ssl/certs/cacert.pem",
            ),
            ("/etc/ssl/certs", "/etc/pki/tls/certs", "/etc/security/certificates"),
        ),
        ("freebsd14", ("/usr/local/etc/ssl/cert.pem",), ("/etc/ssl/certs", "/usr/local/share/certs")),
        ("dragonfly6", ("/usr/local/share/certs/ca-root-nss.crt",), ("/etc/ssl/certs",)),
        ("netbsd10", ("/etc/openssl/certs/ca-certificates.crt",), ("/etc/openssl/certs",)),
        ("openbsd7", ("/etc/ssl/cert.pem",), ("/etc/ssl/certs",)),
        ("sunos5", ("/etc/ssl/cacert.pem", "/etc/certs/ca-certificates.crt"), ("/etc/certs/CA",)),
        ("android", ("/data/data/com.termux/files/usr/etc/tls/cert.pem",), ("/etc/ssl/certs",)),
        ("haiku1", ("/boot/system/data/ssl/CARootCertificates.pem",), ("/etc/ssl/certs",)),
        ("aix7", (CA_CERTIFICATES,), ("/var/ssl/certs",)),
        ("gnu0", (CA_CERTIFICATES,), ("/etc/ssl/certs",)),
    ],
)
def test_each_platform_has_its_locations(platform: str, files: tuple[str, ...], folders: tuple[str, ...]) -> None:
    assert candidate_locations(platform) == (files, folders)
