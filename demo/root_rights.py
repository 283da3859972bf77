# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Root rights: had, or asked for, before anything is done that needs them later."""

from __future__ import annotations

import getpass
import os
import shutil
import subprocess


def root_password(purpose: str) -> str | None:
    """The password with which sudo makes this user root, asked for where sudo wants one; None where it wants none.

    Raises SystemExit, with a sentence, where this user cannot become root.
    """
    if os.geteuid() == 0:
        return None
    if not shutil.which("sudo"):
        raise SystemExit("sudo is missing: apt install sudo, or run this as root")
    if try_sudo("--non-interactive") is None:
        return None
    if not has_terminal():
        raise SystemExit(f"{purpose} takes root rights, and there is no terminal to ask for your password: use one.")
    try:
        password = getpass.getpass(f"{purpose} takes root rights. Your password for sudo: ")
    except EOFError:
        password = ""
    refusal = try_sudo("--stdin", password=password)
    if refusal is not None:
        raise SystemExit(
            f"sudo did not make you root ({refusal}), so nothing was done: try again, or run this as root."
        )
    return password


def try_sudo(option: str, password: str = "") -> str | None:
    """Run a command as root, the way Ansible does. Returns sudo's last words where it refuses, else None.

    Without the terminal, as Ansible: what sudo remembers of an earlier password counts for the terminal alone.
    """
    finished = subprocess.run(
        ["sudo", "--prompt=", option, "--user=root", "/bin/sh", "-c", "true"],
        input=f"{password}\n",
        capture_output=True,
        text=True,
        env={**os.environ, "LC_ALL": "C"},
        start_new_session=True,
        check=False,
    )
    if finished.returncode == 0:
        return None
    said = finished.stderr.strip().splitlines() or [f"status {finished.returncode}"]
    return said[-1].removeprefix("sudo: ").rstrip(".")


def has_terminal() -> bool:
    """Whether somebody can be asked."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR))
    except OSError:
        return False
    return True
