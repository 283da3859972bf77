# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where Java installations are, and which of their keystores no store of the system proves.

A keystore belongs to whoever owns the installation: an archive unpacked by root may keep a stranger's number as its
owner, and a user's own JDK is the user's. All that is done to it is done as that owner.
"""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Callable
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.module_utils._host.accounts import Account, find_accounts
from ansible_collections.anchorage.pki.plugins.module_utils._host.as_user import call_as
from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import Any, dataclass
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.homes import search_home
from ansible_collections.anchorage.pki.plugins.module_utils._trust.owners import owner_of
from ansible_collections.anchorage.pki.plugins.module_utils._trust.settings import Settings
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.platforms import find_platform

# Folders of installations of the system. An asterisk stands for one name. On macOS, they are where java_home(1) looks,
# and where Homebrew keeps its JDKs for a link from there: Formula/o/openjdk.rb of Homebrew/homebrew-core.
SYSTEM_HOMES = (
    "/usr/lib/jvm/*",
    "/usr/lib64/jvm/*",
    "/usr/java/*",
    "/usr/local/openjdk*",
    "/usr/local/java/*",
    "/opt/*",
    "/opt/*/*",
    "/Library/Java/JavaVirtualMachines/*/Contents/Home",
    "/opt/homebrew/opt/openjdk*/libexec/openjdk.jdk/Contents/Home",
    "/usr/local/opt/openjdk*/libexec/openjdk.jdk/Contents/Home",
)
# Folders of installations below a user's home, as sdkman, IntelliJ IDEA, asdf, mise and Gradle make them.
USER_HOMES = (
    ".sdkman/candidates/java/*",
    ".jdks/*",
    ".asdf/installs/java/*",
    ".local/share/mise/installs/java/*",
    ".gradle/jdks/*",
    "Library/Java/JavaVirtualMachines/*/Contents/Home",
)
# Java reads jssecacerts instead of cacerts where it is there (JSSE Reference Guide). A JDK 8 keeps both below jre/.
KEYSTORES = (
    "lib/security/cacerts",
    "lib/security/jssecacerts",
    "jre/lib/security/cacerts",
    "jre/lib/security/jssecacerts",
)
# What Debian's ca-certificates-java makes of the system's anchors, on hosts with Debian's mark: see debian.py.
DEBIAN_MARK = "/etc/debian_version"
DEBIAN_KEYSTORE = "/etc/ssl/certs/java/cacerts"
COMMANDS = ("/usr/bin/java", "/usr/local/bin/java")
ENVIRONMENT = "/etc/environment"


@dataclass(frozen=True)
class Installation:
    """A Java home with its owner, and its keystores (links resolved)."""

    home: str
    owner: Account
    keystores: tuple[str, ...]


def installations(settings: Settings) -> list[Installation]:
    """Every Java installation that has a keystore of its own, each once."""
    found = {(home, owner_of(home)) for home in _system_homes(settings)}
    for person in find_accounts(settings.root, USER_HOMES, settings.survey_timeout):
        patterns = [os.path.join(glob.escape(person.home), pattern) for pattern in USER_HOMES]
        homes = _answered(search_home, person, _homes, patterns, timeout=settings.search_timeout)
        found |= {(home, person) for home in homes}
    proved = _systems_keystores(settings)
    looked = []
    for home, owner in sorted(found, key=lambda entry: entry[0]):
        keystores = _answered(call_as, owner, _own_keystores, home, owner.uid, proved, timeout=settings.search_timeout)
        looked.append(Installation(home, owner, tuple(keystores)))
    return [installation for installation in looked if installation.keystores]


def _answered(ask: Callable[..., list[str]], *arguments: Any, **options: float) -> list[str]:
    """What the owner finds; nothing where no answer comes: an installation that cannot be seen cannot be run either."""
    try:
        return ask(*arguments, **options)
    except HostError:
        return []


def _system_homes(settings: Settings) -> list[str]:
    homes = [home for pattern in SYSTEM_HOMES for home in settings.matches(pattern)]
    homes += [settings.path(home) for home in _configured_homes(settings)]
    commands = [os.path.realpath(path) for path in map(settings.path, COMMANDS) if os.path.lexists(path)]
    homes += [os.path.dirname(os.path.dirname(command)) for command in commands]
    return _homes([glob.escape(home) for home in homes])


def _configured_homes(settings: Settings) -> list[str]:
    """What /etc/environment sets as JAVA_HOME."""
    try:
        text = Path(settings.path(ENVIRONMENT)).read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return []
    lines = [line for line in text.splitlines() if line.startswith("JAVA_HOME=")]
    values = [line.partition("=")[2].strip("\"' ") for line in lines]
    return [value for value in values if os.path.isabs(value)]


def _homes(patterns: list[str]) -> list[str]:
    """The folders that look like a Java home, links resolved, each once."""
    paths = {os.path.realpath(path) for pattern in patterns for path in glob.glob(pattern)}
    return sorted(path for path in paths if any(os.path.lexists(os.path.join(path, name)) for name in KEYSTORES))


def _systems_keystores(settings: Settings) -> list[str]:
    """The keystores that stores of the system prove, links resolved."""
    platform = find_platform(settings)
    paths = [platform.keystore] if platform and platform.keystore else []
    if os.path.exists(settings.path(DEBIAN_MARK)):
        paths.append(settings.path(DEBIAN_KEYSTORE))
    return [os.path.realpath(path) for path in paths]


def _own_keystores(home: str, uid: int, others: list[str]) -> list[str]:
    """The keystores of an installation, as its owner sees them: the owner's, and none of the others."""
    paths = {os.path.realpath(os.path.join(home, name)) for name in KEYSTORES}
    return sorted(path for path in paths if path not in others and _is_own(path, uid))


def _is_own(path: str, uid: int) -> bool:
    try:
        status = os.stat(path)
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_uid == uid
