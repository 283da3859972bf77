# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Print, as JSON, all that a run could change on this host, so that two states can be held against each other.

Usage: ``host_state.py FOLDER ... --served NAME:PORT ...``. ``files`` describes everything below the folders;
``served`` is what ``openssl s_client`` sees with the host's own trust store at each port of the loopback interface.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import ssl
import stat
import subprocess
from pathlib import Path

RECORD = ".activated.json"


def describe(path: Path) -> str:
    """Mode, owner and content of a file, link or folder, in one line."""
    status = path.lstat()
    line = f"{stat.filemode(status.st_mode)} {status.st_uid}:{status.st_gid}"
    if path.is_symlink():
        return f"{line} -> {os.readlink(path)}"
    if path.is_file():
        # The record of an activation has its time, which each repair renews.
        content = re.sub(rb'"time": \d+', b"", path.read_bytes()) if path.name == RECORD else path.read_bytes()
        return f"{line} SHA-256 {hashlib.sha256(content).hexdigest()}"
    return line


def files_below(folder: Path) -> dict[str, str]:
    """A description of the folder and of everything in it; empty where there is no such folder."""
    if not folder.exists():
        return {}
    return {str(path): describe(path) for path in [folder, *sorted(folder.rglob("*"))]}


def served(name: str, port: str) -> dict[str, str]:
    """The leaf's fingerprint and names, the verdict on the chain, the status in the staple and its digest."""
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", name, "-verify_hostname", name]
    finished = subprocess.run([*command, "-status"], input="", capture_output=True, text=True, timeout=20, check=False)
    certificate = found(r"^Server certificate\n(-----BEGIN.*?-----END CERTIFICATE-----)", finished.stdout)
    if not certificate:
        return {"verdict": "no handshake"}
    return {
        "leaf": hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate)).hexdigest(),
        "names": printed_names(certificate),
        "verdict": found(r"Verify return code: (.*?)$", finished.stdout),
        "status": found(r"Cert Status: (.*?)$", finished.stdout),
        "staple": hashlib.sha256(found(r"^OCSP Response Data:(.*?)^={6}", finished.stdout).encode()).hexdigest(),
    }


def printed_names(certificate: str) -> str:
    """The subject alternative names as openssl prints them."""
    command = ["openssl", "x509", "-noout", "-ext", "subjectAltName"]
    printed = subprocess.run(command, input=certificate, capture_output=True, text=True, check=True).stdout
    return printed.splitlines()[1].strip()


def found(pattern: str, text: str) -> str:
    """What the pattern's group matches, or an empty string."""
    match = re.search(pattern, text, re.DOTALL | re.MULTILINE)
    return match[1].strip() if match else ""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--served", nargs="*", default=[])
    arguments = parser.parse_args()
    files: dict[str, str] = {}
    for folder in arguments.folders:
        files.update(files_below(folder))
    print(json.dumps({"files": files, "served": {place: served(*place.split(":")) for place in arguments.served}}))


if __name__ == "__main__":
    main()
