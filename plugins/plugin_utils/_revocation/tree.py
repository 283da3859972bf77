# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What any server of files can publish: lists, the certificates of their issuers, and OCSP responses, each at the path
of the request that it answers (RFC 6960, appendix A.1)."""

from __future__ import annotations

import base64
import itertools
import os
import stat
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_changes import replace_file
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import Attributes
from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import x509
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.requests import ocsp_request
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.private_files import opened_path

FOLDER_MODE = 0o755
READABLE = Attributes(0o644)
#: Where responses are.
RESPONSES = "ocsp"
#: What servers look for where a path ends with a slash.
INDEX = "index.html"


def publication_folder(option: str | None, authority: Path) -> Path | None:
    """The folder that the option ``publish`` names, None for none. Raises PkiError for one that cannot be published."""
    if option is None:
        return None
    folder = Path(option)
    if not folder.is_absolute():
        raise PkiError(f"publish: {option!r} is a relative path. Begin it with / or ~.")
    there, kept = folder.resolve(), authority.resolve()
    if there.is_relative_to(kept) or kept.is_relative_to(there):
        raise PkiError(
            f"publish: {folder} and the authority's folder {authority} are in one another. Name another one: what is "
            "published must be no way to keys."
        )
    if folder.exists() and not folder.is_dir():
        raise PkiError(f"publish: {folder} is a file. Name a folder, which is made where it is missing.")
    return folder


def list_path(issuer_key: str) -> str:
    """Where the list of an issuer is, by the identifier of its key."""
    return f"crl/{issuer_key}.crl"


def issuer_path(issuer_key: str) -> str:
    """Where the certificate of an issuer is, by the identifier of its key."""
    return f"issuers/{issuer_key}.cer"


def response_path(leaf: x509.Certificate, issuer: x509.Certificate, digest: str) -> str:
    """Where the answer to a GET about a leaf is, whose CertID is made by ``digest``.

    The client appends the request in base64, escaped or not. A server takes its slashes for those of folders, several
    of them for one, and at the end for the index of a folder. All else that base64 knows can be in a file's name.
    """
    *folders, last = base64.b64encode(ocsp_request(leaf, issuer, digest)).decode().split("/")
    return "/".join([RESPONSES, *filter(None, folders), last or INDEX])


def read_list(folder: Path, issuer_key: str) -> bytes:
    """What is published as the list of an issuer, by the identifier of its key, b"" where nothing is. Raises
    PkiError."""
    path = folder / list_path(issuer_key)
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise _failed(path, "read", error) from error


def differing(folder: Path, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Those of ``files``, by their path below ``folder``, that are not there as they are to be, or that not everybody
    can read, be it for a folder on the way. Raises PkiError."""
    seen: dict[str, int | None] = {}
    return {path: content for path, content in files.items() if not _holds(folder, path, content, seen)}


def present(folder: Path, paths: Iterable[str]) -> list[str]:
    """Those of ``paths`` below ``folder`` where something is. Raises PkiError."""
    seen: dict[str, int | None] = {}
    try:
        return [path for path in paths if None not in _modes(folder, path, seen).values() and (folder / path).exists()]
    except OSError as error:
        raise _failed(folder, "read", error) from error


def write_tree(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write ``files``, by their path below ``folder``, for everybody to read.

    Each appears by a rename, so that a reader sees the former one or the new one. What a power cut takes of it, the
    next run writes again, since it compares. Raises PkiError.
    """
    for path, content in files.items():
        _write(folder, path, content)


def remove_files(folder: Path, paths: Iterable[str]) -> None:
    """Remove files by their paths below ``folder``, and folders that are empty then. Raises PkiError."""
    for path in present(folder, paths):
        target = folder / path
        try:
            target.unlink()
        except OSError as error:
            raise _failed(target, "removed", error) from error
        above = target.parent
        with suppress(OSError):  # it is not empty, or gone
            while above != folder:
                above.rmdir()
                above = above.parent


def _holds(folder: Path, path: str, content: bytes, seen: dict[str, int | None]) -> bool:
    target = f"{folder}/{path}"  # no Path, which takes half of the time for tens of thousands of files
    try:
        if not all(mode is not None and _allows(mode, FOLDER_MODE) for mode in _modes(folder, path, seen).values()):
            return False
        mode = os.lstat(target).st_mode
        if not stat.S_ISREG(mode) or not _allows(mode, READABLE.mode):
            return False
        with open(target, "rb", buffering=0) as file:
            return file.read() == content
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _failed(target, "read", error) from error


def _modes(folder: Path, path: str, seen: dict[str, int | None]) -> dict[str, int | None]:
    """The modes of ``folder`` and of those between it and the file at ``path`` below, None of what is missing. Those
    that were ``seen`` are not looked at again, nor what is below a missing one. Raises PkiError where one of them is
    something else: through a link, files would be written elsewhere."""
    top = str(folder)
    modes: dict[str, int | None] = {}
    mode: int | None = 0
    for way in itertools.accumulate(path.split("/")[:-1], "{}/{}".format, initial=top):
        if way not in seen:
            seen[way] = None if mode is None else _mode(way, follow_links=way == top)
        modes[way] = mode = seen[way]
    return modes


def _mode(path: str, follow_links: bool) -> int | None:
    try:
        mode = os.stat(path, follow_symlinks=follow_links).st_mode
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _failed(path, "read", error) from error
    if stat.S_ISLNK(mode):
        raise PkiError(
            f"publish: {path} is a symbolic link, and nothing is published through one. Remove it, or mount there what "
            "it leads to."
        )
    if not stat.S_ISDIR(mode):
        raise _no_folder(path)
    return stat.S_IMODE(mode)


def _allows(mode: int, wanted: int) -> bool:
    return mode & wanted == wanted


def _write(folder: Path, path: str, content: bytes) -> None:
    target = folder / path
    try:
        _make_parents(folder)
        for way, mode in _modes(folder, path, {}).items():
            _open_folder(way, mode)
        with opened_path(target.parent) as parent:
            replace_file(parent, target.name, content, READABLE, durable=False)
    except OSError as error:
        raise _failed(target, "written", error) from error


def _make_parents(folder: Path) -> None:
    """Make the folders above, where they are missing. Those that are there are not ours to open. Raises OSError."""
    if not folder.parent.exists():
        _make_parents(folder.parent)
        _open_folder(str(folder.parent), None)


def _open_folder(path: str, mode: int | None) -> None:
    """Let every user read the folder, whatever the umask; it is made where its ``mode`` is None. Raises OSError."""
    if mode is None:
        os.mkdir(path)
        os.chmod(path, FOLDER_MODE)
    elif not _allows(mode, FOLDER_MODE):
        os.chmod(path, mode | FOLDER_MODE)


def _no_folder(path: Path | str) -> PkiError:
    return PkiError(f"publish: {path} is no folder. Remove it, or name another folder.")


def _failed(path: Path | str, done: str, error: OSError) -> PkiError:
    """The error by which ``path`` could not be read, written or removed, as the word ``done`` says."""
    if isinstance(error, NotADirectoryError):
        return _no_folder(next(above for above in Path(path).parents if above.exists()))
    return PkiError(f"publish: {path} cannot be {done}: {error.strerror}.")
