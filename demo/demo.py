# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The demo: an authority of its own, trusted by this machine, and a leaf with a staple, proved and served.

``demo.py run PORT``, ``demo.py serve PORT``, ``demo.py undo``.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from pathlib import Path

import ansible_playbook
import browser
import contents
import page
import proof
import record
from root_rights import root_password

#: What would point programs at other trust than the machine's own, which alone is to count.
TRUST_VARIABLES = ("CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR", "SSL_CERT_FILE")
#: What the demo needs, and the Debian package that brings it.
PROGRAMS = {"openssl": "openssl", "update-ca-certificates": "ca-certificates"}


def main() -> int:
    """Do what the command line asks for; the exit status is 0 where it succeeded."""
    for variable in TRUST_VARIABLES:
        os.environ.pop(variable, None)
    folder = record.demo_folder()
    try:
        match sys.argv[1:]:
            case ["run", port]:
                return run(folder) or show(folder, port)
            case ["serve", port]:
                return serve(folder, port)
            case ["undo"]:
                return undo(folder)
    except KeyboardInterrupt:
        print("\nStopped. What there is by now, make demo-undo removes.", file=sys.stderr)
        return 130
    print(__doc__, file=sys.stderr)
    return 2


def run(folder: Path) -> int:
    """Make the demo, or what is missing of it, and prove it."""
    for program, package in PROGRAMS.items():
        if not shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"):
            raise SystemExit(f"{program} is missing: apt install {package}")
    password = root_password("Having this machine trust the demo's authority")
    record.make_folder(folder)
    (folder / ansible_playbook.LOG).unlink(missing_ok=True)
    # First all that takes no root rights: until then, the folder is the only trace.
    ansible_playbook.play("dev_machine", folder, "--skip-tags=trust,summary")
    record.expect_trust(folder)
    ansible_playbook.play("dev_machine", folder, "--tags=trust", password=password)
    return told(proof.prove_made(folder))


def show(folder: Path, port: str) -> int:
    """Serve the page to a user at a screen; anywhere else, as in a test, a run ends by itself."""
    return serve(folder, port) if browser.at_a_screen() else 0


def serve(folder: Path, port: str) -> int:
    """Serve a page with the demo's leaf until Ctrl-C, and have the user's browser open it."""
    leaf = proof.leaf_folder(folder)
    if not (leaf / "staple.der").exists():
        raise SystemExit("There is no demo to serve: make demo makes it.")
    if not (port.isdecimal() and 0 < int(port) < 65536):
        raise SystemExit(f"PORT must be a number from 1 to 65535, not {port}.")
    address = f"https://{proof.NAME}:{port}/"

    def ready() -> None:
        print(f"{address} shows the demo's page until Ctrl-C.", flush=True)
        if browser.at_a_screen():
            browser.open_page(address)

    try:
        asyncio.run(page.serve(leaf, int(port), contents.document(folder), ready))
    except OSError as error:
        raise SystemExit(f"{error.strerror}. To take another port: make demo-serve PORT=NUMBER") from None
    except KeyboardInterrupt:
        print("\nStopped.")
    return 0


def undo(folder: Path) -> int:
    """Remove every trace of the demo, and prove it."""
    if not folder.exists():
        print(f"There is no demo to undo: {folder} does not exist.")
        return 0
    roots = [proof.sha256(proof.load(path)) for path in proof.roots(folder)]
    (folder / ansible_playbook.LOG).unlink(missing_ok=True)
    if record.load(folder).trust:
        password = root_password("Having this machine trust the demo's authority no more")
        ansible_playbook.play("uninstall", folder, password=password, anchorage_delete_authority=True)
    record.remove_folder(folder)
    return told(proof.prove_gone(folder, roots))


def told(failures: list[str]) -> int:
    """Tell what a proof did not find as it should be; the exit status."""
    for failure in failures:
        print(f"NOT PROVED: {failure}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
