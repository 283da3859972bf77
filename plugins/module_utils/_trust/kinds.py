# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kinds of trust stores, each once: whatever lists them is generated from this table or tested against it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import ModuleType

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import (
    TYPE_CHECKING,
    NamedTuple,
    dataclass,
)
from ansible_collections.anchorage.pki.plugins.module_utils._trust.settings import Settings

if TYPE_CHECKING:
    from ansible_collections.anchorage.pki.plugins.module_utils._trust.contract import Store


# The kind of which there are those that a task names.
FILES = "files"


class Finder(NamedTuple):
    """Finds stores: ``find`` may raise HostError and OSError, ``sought`` is what it looks for, in words for a
    reader whose host has none of it.

    It is only asked on hosts that may have such a store: with one of the ``marks`` (paths, of which the last part may
    end in an asterisk), one of the ``words`` in the file of that path, or one of the ``homes`` (patterns below the home
    of some user). It is always asked where it names nothing of that. What ``is_personal`` is the user's who runs this;
    only root may change other stores.
    """

    find: Callable[[Settings], Sequence[Store]]
    sought: Callable[[], Sequence[str]]
    marks: Sequence[str] = ()
    words: Sequence[tuple[str, bytes]] = ()
    homes: Sequence[str] = ()
    is_personal: bool = False


@dataclass(frozen=True)
class Kind:
    """A kind of stores. Without ``is_default``, a task has to ask for it. A host without any store of a kind that
    ``is_required`` is refused as unknown. Each store that ``is_of_users`` may be one user's own, who may change it
    where a task asks for nothing else."""

    name: str
    finders: tuple[Finder, ...]
    is_default: bool = True
    is_required: bool = False
    is_of_users: bool = False


def _finder(
    load: Callable[[], ModuleType],
    marks: Sequence[str] = (),
    words: Sequence[tuple[str, bytes]] = (),
    homes: Sequence[str] = (),
    is_personal: bool = False,
) -> Finder:
    """The finder in a file, which is imported when it is first asked."""
    return Finder(lambda settings: load().find(settings), lambda: load().sought(), marks, words, homes, is_personal)


def _anchor_folder() -> ModuleType:
    from ansible_collections.anchorage.pki.plugins.module_utils._trust.system import anchor_folder

    return anchor_folder


def _openssl_folders() -> ModuleType:
    from ansible_collections.anchorage.pki.plugins.module_utils._trust.system import openssl_folders

    return openssl_folders


def _macos() -> ModuleType:
    from ansible_collections.anchorage.pki.plugins.module_utils._trust.system import macos

    return macos


def _debian() -> ModuleType:
    from ansible_collections.anchorage.pki.plugins.module_utils._trust.java import debian

    return debian


def _installations() -> ModuleType:
    from ansible_collections.anchorage.pki.plugins.module_utils._trust.java import installations

    return installations


def _firefox() -> ModuleType:
    from ansible_collections.anchorage.pki.plugins.module_utils._trust.policies import firefox

    return firefox


def _chromium() -> ModuleType:
    from ansible_collections.anchorage.pki.plugins.module_utils._trust.policies import chromium

    return chromium


def _databases() -> ModuleType:
    from ansible_collections.anchorage.pki.plugins.module_utils._trust.nss import databases

    return databases


def _applications() -> ModuleType:
    from ansible_collections.anchorage.pki.plugins.module_utils._trust import applications

    return applications


def _files() -> ModuleType:
    from ansible_collections.anchorage.pki.plugins.module_utils._trust.truststores import files

    return files


_JAVA_MARKS = [
    *("/usr/lib/jvm", "/usr/lib64/jvm", "/usr/java", "/usr/local/openjdk*", "/usr/local/java", "/usr/bin/java"),
    *("/opt/*", "/Library/Java/JavaVirtualMachines", "/usr/local/opt/openjdk*", "/usr/local/bin/java"),
]
_JAVA_WORDS = [("/etc/environment", b"JAVA_HOME=")]
_JAVA_HOMES = [".sdkman", ".jdks", ".asdf", ".local", ".gradle", "Library"]
_NSS_HOMES = [".mozilla", ".config", "snap", ".var", ".pki", ".local", "Library"]
_FIREFOX_MARKS = [
    *("/usr/lib/firefox*", "/usr/lib64/firefox*", "/usr/local/lib/firefox*", "/usr/share/firefox*", "/opt/firefox*"),
    *("/etc/firefox", "/snap/firefox", "/var/lib/snapd/snap/firefox", "/var/lib/flatpak/app/org.mozilla.firefox"),
    "/var/lib/flatpak/extension/org.mozilla.firefox.systemconfig",
]
_CHROMIUM_MARKS = [
    *("/usr/lib/chromium*", "/usr/lib64/chromium", "/usr/bin/chromium", "/etc/chromium*", "/snap/chromium"),
    *("/var/lib/snapd/snap/chromium", "/opt/google", "/etc/opt/chrome", "/opt/brave.com", "/etc/brave"),
]

# In the order in which they take turns: what feeds another comes first, as a browser that starts amid a removal would
# copy the anchor from its policies into a profile once more.
KINDS = (
    Kind(
        "system",
        (
            _finder(_anchor_folder),
            _finder(_debian, ["/etc/ssl/certs/java/cacerts"]),
            _finder(_macos, ["/System/Library/Frameworks/Security.framework"], is_personal=True),
            _finder(_openssl_folders, ["/opt/homebrew/etc", "/usr/local/etc/openssl@*", "/opt/local/libexec"]),
        ),
        is_required=True,
    ),
    Kind("java", (_finder(_installations, _JAVA_MARKS, _JAVA_WORDS, _JAVA_HOMES),)),
    Kind("policies", (_finder(_firefox, _FIREFOX_MARKS), _finder(_chromium, _CHROMIUM_MARKS))),
    Kind("nss", (_finder(_databases, homes=_NSS_HOMES),), is_of_users=True),
    Kind(
        "applications",
        (_finder(_applications, ["/etc/profile.d", "/etc/systemd"]),),
        is_default=False,  # it sets their environment, which is for the administrator to ask for
    ),
    Kind(FILES, (_finder(_files, is_personal=True),), is_default=False, is_of_users=True),
)
KIND_NAMES = tuple(kind.name for kind in KINDS)
DEFAULT_KINDS = tuple(kind.name for kind in KINDS if kind.is_default)
