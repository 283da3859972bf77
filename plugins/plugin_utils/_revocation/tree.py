# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What any server of files can publish: lists, the certificates of their issuers, and OCSP responses, each at the path
of the request that it answers (RFC 6960, appendix A.1)."""

from __future__ import annotations

import base64
from collections.abc import Mapping
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
    return "/".join(["ocsp", *filter(None, folders), last or INDEX])


def published_number(folder: Path, issuer_key: str) -> int:
    """The number of the list that is published of an issuer, 0 where there is none. Raises PkiError."""
    path = folder / list_path(issuer_key)
    try:
        found = x509.load_der_x509_crl(path.read_bytes())
        return found.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    except (FileNotFoundError, ValueError, x509.ExtensionNotFound):
        return 0
    except OSError as error:
        raise _failed(path, error) from error


def differing(folder: Path, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Those of ``files``, by their path below ``folder``, that are not there as they are to be. Raises PkiError."""
    return {path: content for path, content in files.items() if not _holds(folder / path, content)}


def write_tree(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write ``files``, by their path below ``folder``.

    Each appears by a rename, so that a reader sees the former one or the new one. What a power cut takes of it, the
    next run writes again, since it compares. Raises PkiError.
    """
    for path, content in files.items():
        _write(folder / path, content)


def remove_files(folder: Path, paths: list[str]) -> None:
    """Remove files by their paths below ``folder``, and folders that are empty then. Raises PkiError."""
    for path in paths:
        target = folder / path
        try:
            target.unlink(missing_ok=True)
        except OSError as error:
            raise _failed(target, error) from error
        above = target.parent
        with suppress(OSError):  # it is not empty, or gone
            while above != folder:
                above.rmdir()
                above = above.parent


def _holds(target: Path, content: bytes) -> bool:
    try:
        return target.is_file() and target.read_bytes() == content
    except OSError as error:
        raise _failed(target, error) from error


def _write(target: Path, content: bytes) -> None:
    try:
        _make_folder(target.parent)
        with opened_path(target.parent) as parent:
            replace_file(parent, target.name, content, READABLE, durable=False)
    except OSError as error:
        raise _failed(target, error) from error


def _make_folder(path: Path) -> None:
    """Make a folder that every user may read, whatever the umask, and those above it, where they are missing."""
    if path.is_dir():
        return
    _make_folder(path.parent)
    path.mkdir(exist_ok=True)
    path.chmod(FOLDER_MODE)


def _failed(path: Path, error: OSError) -> PkiError:
    return PkiError(
        f"publish: {path} cannot be written: {error.strerror}. What was revoked is in the ledger, and the next run "
        "publishes it."
    )
