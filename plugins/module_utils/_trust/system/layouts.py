# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Platforms whose system store is fed from a folder of anchors by a refresh command: a layout each.

Sources: update-ca-certificates(8) of Debian, SUSE and Alpine, update-ca-trust(8) of RHEL, Fedora and Arch, certctl(8)
of FreeBSD.
"""

from __future__ import annotations

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import dataclass

# How a change can be tried in a scratch folder first: see preflight.py.
BY_OPTIONS = "options"
BY_P11_KIT = "p11-kit"
BY_DESTINATION = "destination"


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
    # There while a refresh is under way. One that was interrupted may have removed what it had not made again yet,
    # even files that are not ours: update-ca-trust of EL 10 makes the link to curl's bundle last, and others have
    # hooks then.
    under_way: str = "/var/lib/anchorage/refresh"


DEBIAN = Layout(
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
)
