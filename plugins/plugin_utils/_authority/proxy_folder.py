# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The folder from which a development proxy reads its authority, outside of the one that nobody else may enter."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.regular_files import read_regular_file
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_changes import (
    created_folder,
    remove,
    replace_file,
    sync,
)
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import (
    UNCHANGED,
    Attributes,
    opened_folder,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import CertifiedKey, to_pem
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.public_files import LARGEST_FILE
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import PrivateKey, decode_key, encode_key

OPTION = "development_proxy"
# Names that nothing else in such a folder has.
PROXY_CERTIFICATE = "proxy-authority.pem"
PROXY_KEY = "proxy-authority-key.pem"
PROXY_ROOT = "proxy-root.pem"
FILES = (PROXY_CERTIFICATE, PROXY_KEY, PROXY_ROOT)


@dataclass(frozen=True)
class ProxyFolder:
    """That folder, and whether the proxy's authority is to be in it; its key is for the user ``uid`` alone."""

    path: Path
    uid: int
    is_wanted: bool

    def shortcomings(self, proxy: CertifiedKey, root: CertifiedKey) -> list[str]:
        """The names of the files that are not as they should be. Raises PkiError where they cannot be read."""
        public = {PROXY_CERTIFICATE: proxy, PROXY_ROOT: root}
        wrong = [name for name, key in public.items() if self._read(name) != to_pem(key.certificate).encode()]
        if not self._holds_key(proxy):
            wrong.append(PROXY_KEY)
        return [name for name in FILES if name in wrong or not self._attributes(name).fit(os.stat(self.path / name))]

    def left(self, proxies: Sequence[CertifiedKey]) -> list[Path]:
        """Which of the files are there, unless they are of another authority's proxy than these. Raises PkiError."""
        certificate = self._read(PROXY_CERTIFICATE)
        if certificate is not None and certificate not in [to_pem(proxy.certificate).encode() for proxy in proxies]:
            return []
        return [self.path / name for name in FILES if os.path.lexists(self.path / name)]

    def write(self, proxy: CertifiedKey, root: CertifiedKey, key: PrivateKey) -> None:
        """Put the three files there, each by one rename. Raises PkiError."""
        contents = {
            PROXY_KEY: encode_key(key),
            PROXY_CERTIFICATE: to_pem(proxy.certificate).encode(),
            PROXY_ROOT: to_pem(root.certificate).encode(),
        }
        try:
            with created_folder(str(self.path)) as folder:
                for name, content in contents.items():
                    replace_file(folder, name, content, self._attributes(name))
        except (HostError, OSError) as error:
            raise PkiError(f"{OPTION}: {self.path} cannot be written: {_reason(error)}.") from error

    def clear(self) -> None:
        """Remove the files, and the folder where nothing else is in it. Raises PkiError."""
        try:
            with opened_folder(str(self.path), foreign=True) as folder:
                if folder is None:
                    return
                for name in FILES:
                    remove(folder, name)
                sync(folder)
            with suppress(OSError):  # where something else is in it, or the folder above belongs to somebody else
                self.path.rmdir()
        except (HostError, OSError) as error:
            raise PkiError(f"{OPTION}: {self.path} cannot be cleared: {_reason(error)}.") from error

    def _attributes(self, name: str) -> Attributes:
        return Attributes(0o600 if name == PROXY_KEY else 0o644, self.uid)

    def _holds_key(self, proxy: CertifiedKey) -> bool:
        content = self._read(PROXY_KEY)
        if content is None:
            return False
        try:
            key = decode_key(content, None, OPTION, str(self.path / PROXY_KEY))
        except PkiError:  # it is written anew, whatever became of it
            return False
        return key.public_key() == proxy.certificate.public_key()

    def _read(self, name: str) -> bytes | None:
        """The content of a file, None where there is none. Raises PkiError."""
        try:
            return read_regular_file(self.path / name, LARGEST_FILE)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise PkiError(
                f"{OPTION}: {self.path / name} cannot be read: {error.strerror}. Run as its owner, or remove it."
            ) from error


def proxy_folder(option: Mapping[str, Any] | None) -> ProxyFolder | None:
    """The folder that the option names, None where it is left out. Raises PkiError."""
    if option is None:
        return None
    path = Path(os.path.normpath(option["folder"]))
    if not path.is_absolute():
        raise PkiError(f"{OPTION}: folder: {option['folder']!r} is a relative path. Begin it with / or ~.")
    return ProxyFolder(path, _uid(option["owner"]), option["state"] == "present")


def _uid(owner: str | None) -> int:
    if owner is None:
        return UNCHANGED
    try:
        uid = pwd.getpwnam(owner).pw_uid
    except KeyError as error:
        raise PkiError(f"{OPTION}: owner: there is no user {owner!r} on the controller.") from error
    if os.geteuid() not in (0, uid):
        raise PkiError(
            f"{OPTION}: owner: only root can give files to {owner}. Run as root, or leave the option out and start the "
            "proxy as yourself."
        )
    return uid


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else str(error).rstrip(".")) or str(error)
