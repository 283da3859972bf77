# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Look for the deployed private keys and for given passphrases where they must not be; exit with 1 if one is there.

Usage: ``find_secrets.py LEAVES PASSPHRASES FOLDER ...``. LEAVES is the folder that deployed leaves lie in, the only
place where their keys belong. PASSPHRASES is a file with one on each line. The folders are searched, and the journal.
What is found is told by its place alone.
"""

from __future__ import annotations

import base64
import re
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

KEY = re.compile(rb"-----BEGIN PRIVATE KEY-----\n(.*?)-----END PRIVATE KEY-----", re.DOTALL)
MARK = b"PRIVATE KEY-----"


def key_lines(leaves: Path) -> set[bytes]:
    """The lines of base64 that the deployed keys consist of, but for those with no more than the public key."""
    lines: set[bytes] = set()
    for path in leaves.rglob("privkey.pem"):
        certificate = ssl.PEM_cert_to_DER_cert(path.with_name("cert.pem").read_text())
        for key in KEY.findall(path.read_bytes()):
            lines.update(line for line in key.splitlines() if base64.b64decode(line) not in certificate)
    return lines


def contents(folders: list[Path]) -> Iterator[tuple[str, bytes]]:
    """Every file below the folders, and the whole journal, each with the name of its place."""
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink() and path.resolve() != Path(__file__).resolve():
                yield str(path), path.read_bytes()
    journal = ["journalctl", "--no-pager", "--all", "--output=export"]
    yield "the journal", subprocess.run(journal, capture_output=True, check=True).stdout


def main() -> None:
    leaves, passphrases, *folders = map(Path, sys.argv[1:])
    keys = key_lines(leaves)
    if not keys:
        sys.exit(f"No private key is deployed in {leaves}: there is nothing to look for.")
    secrets = {*keys, *passphrases.read_bytes().splitlines(), MARK}
    found = [place for place, content in contents(folders) if any(secret in content for secret in secrets)]
    print(f"Looked for {len(secrets)} secrets.")
    if found:
        sys.exit(f"Found in: {', '.join(sorted(found))}")


if __name__ == "__main__":
    main()
