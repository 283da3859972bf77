# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stand-in for FreeBSD's certctl(8), which keeps the documented contract of either one.

The shell script of FreeBSD 14 and older makes links. The compiled one of FreeBSD 15 writes copies and a bundle, and
takes what lies in its folder of copies for trusted, too.

It is started again and again, and imports little.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

SHELL, COMPILED = "shell", "compiled"
_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----\n"


def certctl(kind: str, root: str, arguments: list[str]) -> None:
    """``certctl [-D FOLDER] rehash`` of that kind."""
    destination = arguments[1] if arguments[0] == "-D" else root
    if arguments[-1] != "rehash":
        sys.exit("usage: certctl [-D destdir] rehash")
    if destination == root:
        with open(f"{root}/refreshes", "a", encoding="utf-8") as log:
            log.write("rehash\n")
    (_rehash_by_links if kind == SHELL else _rehash_by_copies)(destination)


def _rehash_by_links(top: str) -> None:
    certs, untrusted = f"{top}/etc/ssl/certs", f"{top}/etc/ssl/untrusted"
    for folder in (certs, untrusted):
        os.makedirs(folder, exist_ok=True)
        for entry in list(os.scandir(folder)):
            if entry.is_symlink():
                os.unlink(entry.path)
    refused = [*_files(top, "usr/share/certs/untrusted", "usr/local/etc/ssl/untrusted")]
    _link(untrusted, refused)
    texts = {_text(path) for path in refused}
    sources = _files(top, "usr/share/certs/trusted", "usr/local/share/certs", "usr/local/etc/ssl/certs")
    _link(certs, [source for source in sources if _text(source) not in texts])


def _link(folder: str, sources: list[str]) -> None:
    for source, subject_hash in zip(sources, _hashes(folder, [_text(path) for path in sources]), strict=True):
        os.symlink(source, _free_path(folder, subject_hash))


def _files(top: str, *folders: str) -> Iterator[str]:
    for folder in folders:
        names = sorted(os.listdir(f"{top}/{folder}")) if os.path.isdir(f"{top}/{folder}") else []
        yield from (f"{top}/{folder}/{name}" for name in names if name.endswith((".pem", ".crt", ".cer", ".crl")))


def _rehash_by_copies(top: str) -> None:
    certs, untrusted = f"{top}/etc/ssl/certs", f"{top}/etc/ssl/untrusted"
    refused = _certificates(top, "usr/share/certs/untrusted", "usr/local/share/certs/untrusted", "etc/ssl/untrusted")
    sources = ("usr/share/certs/trusted", "usr/local/share/certs", "etc/ssl/certs")
    trusted = [text for text in _certificates(top, *sources) if text not in refused]
    for folder, texts in ((certs, trusted), (untrusted, refused)):
        _remove(folder)
        os.makedirs(folder)
        for text, subject_hash in zip(texts, _hashes(folder, texts), strict=True):
            _write(_free_path(folder, subject_hash), text, 0o444)
    _write(f"{top}/etc/ssl/cert.pem", "".join(trusted), 0o444)


def _certificates(top: str, *folders: str) -> list[str]:
    found = []
    for folder in folders:
        paths = [f"{place}/{name}" for place, _folders, names in os.walk(f"{top}/{folder}") for name in names]
        for path in sorted(path for path in paths if os.path.isfile(path)):
            for part in _text(path).split(_END)[:-1]:
                _before, begin, body = part.rpartition(_BEGIN)
                found += [begin + body + _END] if begin else []
    return list(dict.fromkeys(found))


def _hashes(beside: str, texts: list[str]) -> list[str]:
    """The hashes of the subjects, as openssl-rehash(1) names links: openssl-x509(1) takes ten times as long to say
    them. They are made beside a folder, and removed again."""
    found: dict[str, str] = {}
    while missing := [text for text in dict.fromkeys(texts) if text not in found]:  # openssl passes by what it has seen
        links = _links(f"{beside}.hashes", missing)
        if not links:
            sys.exit("openssl rehash makes nothing of a certificate")
        found.update({missing[number]: subject_hash for number, subject_hash in links.items()})
    return [found[text] for text in texts]


def _links(folder: str, texts: list[str]) -> dict[int, str]:
    """The hashes by the places of their texts."""
    os.mkdir(folder)
    for number, text in enumerate(texts):
        _write(f"{folder}/{number}.pem", text)
    command = ["openssl", "rehash", folder]
    silent = [(os.POSIX_SPAWN_OPEN, descriptor, os.devnull, os.O_WRONLY, 0) for descriptor in (1, 2)]
    status = os.waitpid(os.posix_spawnp(command[0], command, os.environ, file_actions=silent), 0)[1]
    links = [entry for entry in os.scandir(folder) if entry.is_symlink()]
    hashes = {int(os.readlink(entry.path).partition(".")[0]): entry.name.partition(".")[0] for entry in links}
    _remove(folder)
    if status:
        sys.exit("openssl rehash failed")
    return hashes


def _remove(folder: str) -> None:
    """A folder and what is in it."""
    for place, folders, names in os.walk(folder, topdown=False):
        for name in names:
            os.unlink(f"{place}/{name}")
        for name in folders:
            path = f"{place}/{name}"
            (os.unlink if os.path.islink(path) else os.rmdir)(path)
        os.rmdir(place)


def _text(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()


def _write(path: str, text: str, mode: int = 0o644) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, mode)


def _free_path(folder: str, subject_hash: str) -> str:
    return next(path for path in (f"{folder}/{subject_hash}.{n}" for n in range(9)) if not os.path.lexists(path))
