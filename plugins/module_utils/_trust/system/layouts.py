# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Platforms whose system store is fed from a folder of anchors by a refresh command: one row of :data:`LAYOUTS` each.

Sources: update-ca-certificates(8) of Debian, SUSE and Alpine, update-ca-trust(8) of RHEL, Fedora and Arch, certctl(8)
of FreeBSD.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.module_utils._trust.files import read_regular
from ansible_collections.anchorage.pki.plugins.module_utils._trust.settings import Settings
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import Anchor

# How a change can be tried in a scratch folder first: see preflight.py.
BY_OPTIONS = "options"
BY_P11_KIT = "p11-kit"
BY_DESTINATION = "destination"
# The name of an anchor, as the controller makes it of the common name and the fingerprint.
_OWN_NAME = re.compile(r"anchorage-[a-z0-9-]*[0-9a-f]{16}\.[a-z]+")


@dataclass(frozen=True)
class Layout:
    """A platform: where its anchors lie, what refreshes the store, and what consumers read. Paths are absolute.

    Of the ``bundles``, the first is always there. The others, its ``other_names``, the ``links`` folder and the
    ``keystore`` differ from release to release: what is there has to be right.
    """

    name: str
    platforms: str
    marks: tuple[str, ...]  # the platform has one of these at least
    command: tuple[str, ...]  # refreshes the store
    package: str  # brings the command
    anchors: str  # the administrator's folder of anchors
    suffix: str  # of the names that we give
    bundles: tuple[str, ...] = ()  # OpenSSL's CAfile
    other_names: tuple[str, ...] = ()  # links to the first bundle
    links: str = ""  # OpenSSL's CApath
    keystore: str = ""  # Java's, written by the refresh command itself
    source_names: str = ".*"  # what the refresh command takes for an anchor, a regular expression
    nested: bool = False  # whether it looks into folders below
    follows_links: bool = True
    further_sources: tuple[str, ...] = ()  # more folders of administrators that it reads
    packaged: str = ""  # the distribution's own anchors
    blocklists: tuple[str, ...] = ()  # folders of certificates that it distrusts
    rebuild: tuple[str, ...] = ()  # arguments with which it clears what is left of former anchors too
    rereads_links: bool = False  # whether what lies in the links folder is a source itself
    joins_bytes: bool = False  # whether the bundle is the files one after the other, whatever they end with
    script: bool | None = None  # whether the command is a shell script, where that distinguishes two rows
    deferral: tuple[str, str] = ("", "")  # with this variable set, it only leaves this file, for the next boot
    preflight: str = ""  # how a change can be tried first


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
        name="debian",
        platforms="Debian, Ubuntu and their derivatives",
        marks=("/etc/debian_version",),
        command=("/usr/sbin/update-ca-certificates",),
        package="ca-certificates",
        anchors="/usr/local/share/ca-certificates",
        suffix=".crt",
        bundles=("/etc/ssl/certs/ca-certificates.crt",),
        links="/etc/ssl/certs",
        source_names=r".*\.crt",
        nested=True,
        packaged="/usr/share/ca-certificates",
        rebuild=("--fresh",),
        preflight=BY_OPTIONS,
    ),
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


@dataclass(frozen=True)
class Platform:
    """A host with this layout: where it has what the layout names."""

    layout: Layout
    settings: Settings

    def path(self, absolute: str) -> str:
        return self.settings.path(absolute)

    def paths(self, absolute: tuple[str, ...]) -> list[str]:
        return [self.path(each) for each in absolute]

    def own_file(self, anchor: Anchor) -> Path:
        return Path(self.path(self.layout.anchors), anchor.name + self.layout.suffix)

    def takes(self, name: str) -> bool:
        """Whether a file of this name counts as an anchor."""
        return re.fullmatch(self.layout.source_names, name) is not None

    @property
    def command(self) -> str:
        return self.path(self.layout.command[0])

    @property
    def has_command(self) -> bool:
        return os.access(self.command, os.X_OK)

    @property
    def bundles(self) -> list[str]:
        """The bundles that are to be there."""
        found = self.paths(self.layout.bundles)
        return found[:1] + [path for path in found[1:] if os.path.lexists(path)]

    @property
    def separated(self) -> list[str]:
        """Where a file of its own lies in the place of a link to the first bundle."""
        found = [path for path in self.paths(self.layout.other_names) if os.path.lexists(path)]
        return [path for path in found if os.path.realpath(path) != os.path.realpath(self.bundles[0])]

    @property
    def links(self) -> str:
        """The folder of hash links; "" where there is none."""
        return self._existing(self.layout.links)

    @property
    def keystore(self) -> str:
        """The keystore that the refresh command writes; "" where there is none."""
        return self._existing(self.layout.keystore)

    def _existing(self, absolute: str) -> str:
        path = self.path(absolute)
        return path if absolute and os.path.exists(path) else ""

    @property
    def is_recognized(self) -> bool:
        """Whether this is the host's platform, judging by its files."""
        if not any(os.path.exists(path) for path in self.paths(self.layout.marks)):
            return False
        is_script = (read_regular(self.command) or b"").startswith(b"#!/bin/sh")
        return self.layout.script in (None, is_script)


def find_platform(settings: Settings) -> Platform | None:
    """The host's platform: the first whose marks it has, with the refresh command if any."""
    platforms = [Platform(layout, settings) for layout in LAYOUTS]
    recognized = [platform for platform in platforms if platform.is_recognized]
    return min(recognized, key=lambda platform: not platform.has_command, default=None)


def installed_anchors(settings: Settings) -> tuple[str, ...]:
    """The paths of all anchors that this collection has installed in the system store, by the names that it gives."""
    platform = find_platform(settings)
    folder = platform.path(platform.layout.anchors) if platform else ""
    names = sorted(os.listdir(folder)) if folder and os.path.isdir(folder) else []
    return tuple(os.path.join(folder, name) for name in names if _OWN_NAME.fullmatch(name))
