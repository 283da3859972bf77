# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The platforms beside Debian's, the code of which hosts with that are spared, and the package managers of a Mac: one
row each."""

from __future__ import annotations

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import NamedTuple, replace
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.layouts import (
    BY_DESTINATION,
    BY_P11_KIT,
    Layout,
)

_FREEBSD = Layout(
    name="freebsd",
    platforms="FreeBSD",
    marks=("/bin/freebsd-version",),
    command=("/usr/sbin/certctl", "rehash"),
    package="FreeBSD-certctl, a part of the base system",
    anchors="/usr/local/share/certs",
    suffix=".pem",
    bundles=("/etc/ssl/cert.pem",),
    links="/etc/ssl/certs",
    nested=True,
    further_sources=("/usr/local/etc/ssl/certs",),
    packaged="/usr/share/certs/trusted",
    blocklists=(
        "/etc/ssl/untrusted",
        "/etc/ssl/blacklisted",
        "/usr/share/certs/untrusted",
        "/usr/share/certs/blacklisted",
        "/usr/local/share/certs/untrusted",
        "/usr/local/etc/ssl/untrusted",
        "/usr/local/etc/ssl/blacklisted",
    ),
    rereads_links=True,
    script=False,
    preflight=BY_DESTINATION,
)

LAYOUTS = (
    Layout(
        name="redhat",
        platforms="RHEL, Fedora and their derivatives",
        marks=("/etc/pki/ca-trust/source", "/etc/redhat-release"),
        # Recent releases refuse every other command, and older ones ignore it.
        command=("/usr/bin/update-ca-trust", "extract"),
        package="ca-certificates",
        anchors="/etc/pki/ca-trust/source/anchors",
        suffix=".pem",
        bundles=(
            "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
            "/etc/pki/ca-trust/extracted/openssl/ca-bundle.trust.crt",
        ),
        # Those below /etc/pki/tls are gone from the newest releases.
        other_names=("/etc/pki/tls/cert.pem", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"),
        links="/etc/pki/ca-trust/extracted/pem/directory-hash",
        keystore="/etc/pki/ca-trust/extracted/java/cacerts",
        further_sources=("/etc/pki/ca-trust/source",),
        packaged="/usr/share/pki/ca-trust-source",
        blocklists=(
            "/etc/pki/ca-trust/source/blocklist",
            "/etc/pki/ca-trust/source/blacklist",
            "/usr/share/pki/ca-trust-source/blocklist",
            "/usr/share/pki/ca-trust-source/blacklist",
        ),
        preflight=BY_P11_KIT,
    ),
    Layout(
        name="suse",
        platforms="SUSE and openSUSE",
        marks=("/etc/pki/trust", "/etc/zypp"),
        # Without --fresh, the bundle is not written when it seems newer than the folder of links.
        command=("/usr/sbin/update-ca-certificates", "--fresh"),
        package="ca-certificates",
        anchors="/etc/pki/trust/anchors",
        suffix=".pem",
        bundles=("/var/lib/ca-certificates/ca-bundle.pem",),
        other_names=("/etc/ssl/ca-bundle.pem",),
        links="/var/lib/ca-certificates/pem",
        keystore="/var/lib/ca-certificates/java-cacerts",
        further_sources=("/etc/pki/trust",),
        packaged="/usr/share/pki/trust",
        blocklists=(
            "/etc/pki/trust/blocklist",
            "/etc/pki/trust/blacklist",
            "/usr/share/pki/trust/blocklist",
            "/usr/share/pki/trust/blacklist",
        ),
        deferral=("TRANSACTIONAL_UPDATE", "/etc/pki/trust/.updated"),
        preflight=BY_P11_KIT,
    ),
    Layout(
        name="arch",
        platforms="Arch Linux and its derivatives",
        marks=("/etc/ca-certificates/trust-source", "/etc/arch-release"),
        command=("/usr/bin/update-ca-trust",),
        package="ca-certificates-utils",
        anchors="/etc/ca-certificates/trust-source/anchors",
        suffix=".pem",
        bundles=(
            "/etc/ca-certificates/extracted/tls-ca-bundle.pem",
            "/etc/ca-certificates/extracted/ca-bundle.trust.crt",
        ),
        other_names=("/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/cert.pem"),
        links="/etc/ssl/certs",
        keystore="/etc/ssl/certs/java/cacerts",
        further_sources=("/etc/ca-certificates/trust-source",),
        packaged="/usr/share/ca-certificates/trust-source",
        blocklists=(
            "/etc/ca-certificates/trust-source/blocklist",
            "/etc/ca-certificates/trust-source/blacklist",
            "/usr/share/ca-certificates/trust-source/blocklist",
            "/usr/share/ca-certificates/trust-source/blacklist",
        ),
        preflight=BY_P11_KIT,
    ),
    Layout(
        name="alpine",
        platforms="Alpine Linux",
        marks=("/etc/alpine-release",),
        command=("/usr/sbin/update-ca-certificates",),
        package="ca-certificates",
        anchors="/usr/local/share/ca-certificates",
        suffix=".crt",
        bundles=("/etc/ssl/certs/ca-certificates.crt",),
        other_names=("/etc/ssl/cert.pem",),
        links="/etc/ssl/certs",
        source_names=r"[^.].*",
        follows_links=False,
        packaged="/usr/share/ca-certificates",
        joins_bytes=True,
    ),
    _FREEBSD,
    # Before FreeBSD 15, certctl was a shell script that writes no bundle.
    replace(_FREEBSD, bundles=(), script=True),
)


class Manager(NamedTuple):
    """A package manager below ``prefix``: there, the pattern of each OPENSSLDIR, the second part of which is the name
    of the package, and the program of that package."""

    name: str
    prefix: str
    folders: str
    program: str


_HOMEBREW = Manager("Homebrew", "/opt/homebrew", "etc/openssl@*", "opt/{}/bin/openssl")
MANAGERS = (
    _HOMEBREW,
    _HOMEBREW._replace(prefix="/usr/local"),  # on Intel
    Manager("MacPorts", "/opt/local", "libexec/openssl*/etc/openssl", "libexec/{}/bin/openssl"),
)
