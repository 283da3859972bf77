# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stand-in for FreeBSD's certctl(8), which keeps the documented contract of either one.

The shell script of FreeBSD 14 and older makes links. The compiled one of FreeBSD 15 writes copies and a bundle, and
takes what lies in its folder of copies for trusted, too.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

SHELL, COMPILED = "shell", "compiled"
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", re.DOTALL)


def certctl(kind: str, root: str, arguments: list[str]) -> None:
    """``certctl [-D FOLDER] rehash`` of that kind."""
    destination = arguments[1] if arguments[0] == "-D" else root
    if arguments[-1] != "rehash":
        sys.exit("usage: certctl [-D destdir] rehash")
    if destination == root:
        with Path(root, "refreshes").open("a") as log:
            log.write("rehash\n")
    (_rehash_by_links if kind == SHELL else _rehash_by_copies)(Path(destination))


def _rehash_by_links(top: Path) -> None:
    certs, untrusted = top / "etc/ssl/certs", top / "etc/ssl/untrusted"
    for folder in (certs, untrusted):
        folder.mkdir(parents=True, exist_ok=True)
        for link in [path for path in folder.iterdir() if path.is_symlink()]:
            link.unlink()
    for source in _files(top, "usr/share/certs/untrusted", "usr/local/etc/ssl/untrusted"):
        (untrusted / _free_name(untrusted, _hash(source.read_text()))).symlink_to(source)
    refused = {path.read_text() for path in untrusted.iterdir()}
    for source in _files(top, "usr/share/certs/trusted", "usr/local/share/certs", "usr/local/etc/ssl/certs"):
        if source.read_text() not in refused:
            (certs / _free_name(certs, _hash(source.read_text()))).symlink_to(source)


def _files(top: Path, *folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted(path for path in top.glob(f"{folder}/*") if path.suffix in (".pem", ".crt", ".cer", ".crl"))


def _rehash_by_copies(top: Path) -> None:
    certs, untrusted = top / "etc/ssl/certs", top / "etc/ssl/untrusted"
    refused = _certificates(top, "usr/share/certs/untrusted", "usr/local/share/certs/untrusted", "etc/ssl/untrusted")
    sources = ("usr/share/certs/trusted", "usr/local/share/certs", "etc/ssl/certs")
    trusted = [text for text in _certificates(top, *sources) if text not in refused]
    for folder, texts in ((certs, trusted), (untrusted, refused)):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for text in texts:
            path = folder / _free_name(folder, _hash(text))
            path.write_text(text)
            path.chmod(0o444)
    (top / "etc/ssl/cert.pem").write_text("".join(trusted))
    (top / "etc/ssl/cert.pem").chmod(0o444)


def _certificates(top: Path, *folders: str) -> list[str]:
    paths = [path for folder in folders for path in sorted((top / folder).rglob("*")) if path.is_file()]
    return list(dict.fromkeys(text for path in paths for text in _PEM.findall(path.read_text())))


def _hash(text: str) -> str:
    """The hash of the subject, as openssl-rehash(1) names a link: openssl-x509(1) takes ten times as long to say it."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "certificate.pem").write_text(text)
        subprocess.run(["openssl", "rehash", folder], capture_output=True, check=True)
        (link,) = (path for path in Path(folder).iterdir() if path.is_symlink())
        return link.stem


def _free_name(folder: Path, subject_hash: str) -> str:
    return next(name for name in (f"{subject_hash}.{n}" for n in range(9)) if not (folder / name).exists())
