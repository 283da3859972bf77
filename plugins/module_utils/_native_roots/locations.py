# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a machine keeps its native roots: as the user's variables say, or as the platform has it.

The table and the meaning of SSL_CERT_FILE and SSL_CERT_DIR are those of the Rust libraries openssl-probe and
rustls-native-certs, so that all programs of a machine that follow them see the same roots.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

FILE_VARIABLE = "SSL_CERT_FILE"
FOLDER_VARIABLE = "SSL_CERT_DIR"


class Candidates(NamedTuple):
    """Where a platform's distributions keep roots: the first file that exists, and every folder, is read."""

    files: tuple[str, ...]
    folders: tuple[str, ...]


class Configured(NamedTuple):
    """The locations that the user named: all of them are read, and one that cannot be read is an error."""

    file: str | None
    folders: tuple[str, ...]


_ILLUMOS_AND_SOLARIS = Candidates(("/etc/ssl/cacert.pem", "/etc/certs/ca-certificates.crt"), ("/etc/certs/CA",))

# By the beginning of Python's sys.platform.
_CANDIDATES = {
    "linux": Candidates(
        (
            "/etc/ssl/certs/ca-certificates.crt",  # Debian, Arch, Gentoo
            "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  # RHEL 7 and newer, Fedora
            "/etc/pki/tls/certs/ca-bundle.crt",  # RHEL 6
            "/etc/ssl/ca-bundle.pem",  # SUSE
            "/etc/pki/tls/cacert.pem",  # OpenELEC
            "/etc/ssl/cert.pem",  # Alpine
            "/opt/etc/ssl/certs/ca-certificates.crt",  # Entware
            "/etc/ssl/certs/cacert.pem",
        ),
        ("/etc/ssl/certs", "/etc/pki/tls/certs", "/etc/security/certificates"),
    ),
    "freebsd": Candidates(("/usr/local/etc/ssl/cert.pem",), ("/etc/ssl/certs", "/usr/local/share/certs")),
    "dragonfly": Candidates(("/usr/local/share/certs/ca-root-nss.crt",), ("/etc/ssl/certs",)),
    "netbsd": Candidates(("/etc/openssl/certs/ca-certificates.crt",), ("/etc/openssl/certs",)),
    "openbsd": Candidates(("/etc/ssl/cert.pem",), ("/etc/ssl/certs",)),
    "sunos": _ILLUMOS_AND_SOLARIS,
    "android": Candidates(("/data/data/com.termux/files/usr/etc/tls/cert.pem",), ("/etc/ssl/certs",)),
    "haiku": Candidates(("/boot/system/data/ssl/CARootCertificates.pem",), ("/etc/ssl/certs",)),
    "aix": Candidates(("/etc/ssl/certs/ca-certificates.crt",), ("/var/ssl/certs",)),
}
_OTHER = Candidates(("/etc/ssl/certs/ca-certificates.crt",), ("/etc/ssl/certs",))


def candidate_locations(platform: str) -> Candidates:
    """The locations to try on ``platform``, a value of sys.platform."""
    return next((row for prefix, row in _CANDIDATES.items() if platform.startswith(prefix)), _OTHER)


def configured_locations(environment: Mapping[str, str]) -> Configured | None:
    """The locations that the user named in the environment, or None.

    An empty SSL_CERT_FILE names a file that cannot be read; an empty SSL_CERT_DIR counts as unset.
    """
    file = environment.get(FILE_VARIABLE)
    folders = tuple(folder for folder in environment.get(FOLDER_VARIABLE, "").split(os.pathsep) if folder)
    return Configured(file, folders) if file is not None or folders else None
