# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Spare ansible-test the download of pip's installer, which comes from a host that is no package index.

ansible-test keeps that installer in a cache of its own and looks there first. Python's ensurepip does the same work.
Run with the interpreter that has the ansible-core in question.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from ansible_test._internal.python_requirements import get_venv_packages

if __name__ == "__main__":
    version = get_venv_packages(SimpleNamespace(version=""))["pip"].replace(".", "_")
    installer = Path.home() / ".ansible" / "test" / "cache" / f"get_pip_{version}.py"
    installer.parent.mkdir(parents=True, exist_ok=True)
    if not installer.exists():
        installer.write_text("import ensurepip\n\nensurepip.bootstrap(default_pip=True)\n", encoding="utf-8")
        print(f"Made {installer}, so that ansible-test need not download it.")
