# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a user's browsers keep their NSS databases. All of this runs as that user: see as_user.py.

Sources: Firefox' toolkit/xre (profiles.ini), Chromium's crypto/nss_util.cc, the XDG base directory specification, and
what the confinements of snap and flatpak make of a home.
"""

from __future__ import annotations

import codecs
import configparser
import glob
import os
import stat

from ansible_collections.anchorage.pki.plugins.module_utils._trust.files import read_regular

# Folders with Firefox profiles, below the home, most of them with a profiles.ini. On macOS, profiles are in a folder
# beside it.
FIREFOX = (
    ".mozilla/firefox",
    ".config/mozilla/firefox",
    "snap/firefox/common/.mozilla/firefox",
    "snap/firefox/common/.config/mozilla/firefox",
    ".var/app/org.mozilla.firefox/.mozilla/firefox",
    ".var/app/org.mozilla.firefox/config/mozilla/firefox",
    "Library/Application Support/Firefox",
    "Library/Application Support/Firefox/Profiles",
)
# Databases of Chromium and all that is built on it, below the home. An asterisk stands for one name. On macOS, it has
# none, and reads the keychains.
CHROMIUM = (
    ".pki/nssdb",
    ".local/share/pki/nssdb",
    "snap/*/current/.pki/nssdb",
    "snap/*/current/.local/share/pki/nssdb",
    ".var/app/*/.pki/nssdb",
    ".var/app/*/data/pki/nssdb",
)
DATABASE_FILE = "cert9.db"


def databases(home: str) -> list[list[str]]:
    """The folders of the user's NSS databases, each with its browser's name, and once, whatever links lead to it."""
    found = [(folder, "Chromium") for pattern in CHROMIUM for folder in _matches(home, pattern)]
    for profiles in FIREFOX:
        found += [(folder, "Firefox") for folder in _profiles(os.path.join(home, profiles))]
    unique = {os.path.realpath(folder): [folder, browser] for folder, browser in reversed(found) if _is_own(folder)}
    return sorted(unique.values())


def _matches(folder: str, pattern: str) -> list[str]:
    return sorted(glob.glob(os.path.join(glob.escape(folder), pattern)))


def _profiles(folder: str) -> list[str]:
    """Those that profiles.ini names, wherever they are, and those that only lie there."""
    return [os.path.normpath(os.path.join(folder, path)) for path in _named_profiles(folder)] + _matches(folder, "*")


def _named_profiles(folder: str) -> list[str]:
    """The paths that profiles.ini gives, relative to ``folder`` or absolute. One that cannot be read names nothing."""
    content = (read_regular(os.path.join(folder, "profiles.ini")) or b"").removeprefix(codecs.BOM_UTF8)
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(content.decode(errors="surrogateescape"))
    except configparser.Error:
        return []
    sections = [section for section in parser.sections() if section.startswith("Profile")]
    return [parser.get(section, "Path", fallback="") for section in sections]


def _is_own(folder: str) -> bool:
    """Whether there is a database, and it is the user's: another's, which a link may lead to, is for its owner."""
    try:
        status = os.stat(os.path.join(folder, DATABASE_FILE))
    except (OSError, ValueError):
        return False
    return stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid()
