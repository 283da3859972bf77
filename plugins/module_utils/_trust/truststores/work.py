# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One truststore file, read and changed. All of this runs as the owner of the file's folder: see as_user.py.

Whoever reads the file meanwhile sees the former one or the new one, with its final mode and owner.
"""

from __future__ import annotations

import base64
import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import Any
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.regular_files import read_regular_file
from ansible_collections.anchorage.pki.plugins.module_utils._trust.files import LARGEST_FILE
from ansible_collections.anchorage.pki.plugins.module_utils._trust.truststores.messages import JKS, PKCS12, Truststore
from ansible_collections.anchorage.pki.plugins.module_utils._trust.truststores.parts import NotTruststoreError, Part

UNCHANGED = -1
NEW_MODE = 0o644


def look(path: str, wanted: Truststore, der: bytes) -> list[Any]:
    """Whether there is a file, the aliases of the certificate in it ("" for one without), whether the file is sealed as
    wanted, and its mode, owner and group. Raises HostError."""
    content = _content(path)
    if content is None:
        return [False, [], False, 0, 0, 0]
    form, status = format_of(wanted), os.lstat(path)
    aliases = [part.alias for part in _parts(path, content, wanted) if part.der == der]
    sealed = bool(aliases) and form.is_sealed(content, wanted.password)
    return [True, aliases, sealed, stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid]


def read(path: str) -> list[Any] | None:
    """The whole file in base64, with its mode, owner and group; None where there is none. Raises HostError."""
    content = _content(path)
    if content is None:
        return None
    status = os.lstat(path)
    return [base64.b64encode(content).decode(), stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid]


def put_back(path: str, former: list[Any] | None) -> None:
    """Make the file again what :func:`read` gave."""
    if read(path) == former:  # as where the disk is full, which would keep it from being written once more
        return
    with _opened_folder(path) as folder:
        if former is None:
            _unlink(folder, os.path.basename(path))
        else:
            content, *attributes = former
            _replace(folder, path, base64.b64decode(content), attributes)


def add(path: str, wanted: Truststore, certificates: Sequence[tuple[str, bytes]], attributes: Sequence[int]) -> None:
    """Have the file hold the certificates, each by its alias, beside what else it holds. Of the ``attributes`` (mode,
    owner and group), those that are UNCHANGED are as they were. Raises HostError, OSError."""
    form, content = format_of(wanted), _content(path)
    aliases, ders = [alias for alias, _der in certificates], [der for _alias, der in certificates]
    kept = [part for part in _parts(path, content or b"", wanted) if part.der not in ders]
    kept = [part for part in kept if not part.alias or part.alias.lower() not in aliases]
    parts = [*kept, *(form.part_of(alias, der) for alias, der in certificates)]
    _write(path, form.written(parts, wanted.password), attributes)


def delete(path: str, wanted: Truststore, ders: Sequence[bytes]) -> None:
    """Have the file hold the certificates no more. It goes with the last one. Raises HostError, OSError."""
    content = _content(path)
    parts = _parts(path, content or b"", wanted)
    kept = [part for part in parts if part.der not in ders]
    if kept == parts:
        return
    if any(part.der for part in kept):
        _write(path, format_of(wanted).written(kept, wanted.password), [UNCHANGED] * 3)
        return
    with _opened_folder(path) as folder:
        _unlink(folder, os.path.basename(path))


def format_of(wanted: Truststore) -> Any:
    """The module that reads and writes files of the wanted format."""
    from ansible_collections.anchorage.pki.plugins.module_utils._trust.truststores import jks, pem, pkcs12

    forms: dict[str, ModuleType] = {JKS: jks, PKCS12: pkcs12}
    return forms.get(wanted.format, pem)


def _parts(path: str, content: bytes, wanted: Truststore) -> list[Part]:
    if not content:
        return []
    try:
        parts: list[Part] = format_of(wanted).read(content)
        return parts
    except NotTruststoreError as error:
        raise HostError(
            f"{path} {error}, so that it is left as it is. Correct format, name another path, or move the file away."
        ) from error


def _content(path: str) -> bytes | None:
    try:
        return read_regular_file(path, LARGEST_FILE, follow_links=False)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise HostError(f"{path} is a symbolic link. Name the file that it leads to.") from error
        raise HostError(f"{path} cannot be read: {error.strerror}.") from error


def _write(path: str, content: bytes, attributes: Sequence[int]) -> None:
    try:
        status = os.lstat(path)
        former = [stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid]
    except FileNotFoundError:
        former = [NEW_MODE, UNCHANGED, UNCHANGED]
    if os.geteuid() != 0:
        former[1:] = [UNCHANGED, UNCHANGED]  # others' files are nobody's to make
    final = [old if new == UNCHANGED else new for new, old in zip(attributes, former)]
    with _opened_folder(path) as folder:
        _replace(folder, path, content, final)


def _replace(folder: int, path: str, content: bytes, attributes: Sequence[int]) -> None:
    # Here, as below, since a look writes nothing.
    from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_changes import replace_file
    from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import Attributes

    try:
        replace_file(folder, os.path.basename(path), content, Attributes(*attributes))
    except OSError as error:
        raise HostError(f"{path} cannot be written: {error.strerror}.") from error


def _unlink(folder: int, name: str) -> None:
    from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_changes import remove, sync

    remove(folder, name)
    sync(folder)


@contextmanager
def _opened_folder(path: str) -> Iterator[int]:
    folder = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield folder
    finally:
        os.close(folder)
