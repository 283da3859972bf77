# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make a home folder in which ansible-test finds what it needs to set up its virtual environments.

Usage: ``make_sanity_home.py HOME``, with the interpreter that has the ansible-core in question.

ansible-test fetches pip's installer from a host that is no package index, unless it lies in its cache; Python's own
ensurepip does the same work. And it hands its pip nothing of the environment but HOME, so that the machine's settings
for pip (an index, a certificate) have to be in a file there.
"""

from __future__ import annotations

import ast
import configparser
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

from ansible_test._internal.python_requirements import get_venv_packages


def pip_settings() -> configparser.ConfigParser:
    """All settings that pip has from its files and from the environment, which wins."""
    settings = configparser.ConfigParser(interpolation=None)
    settings.add_section("global")
    settings["global"]["cache-dir"] = run_pip("cache", "dir").strip()
    lines = run_pip("config", "list").splitlines()
    for line in sorted(lines, key=lambda line: line.startswith(":env:")):
        name, value = line.split("=", 1)
        section, option = name.replace(":env:", "global").rsplit(".", 1)
        if not settings.has_section(section):
            settings.add_section(section)
        settings[section][option] = ast.literal_eval(value)
    return settings


def run_pip(*arguments: str) -> str:
    """What pip prints."""
    return subprocess.run([sys.executable, "-m", "pip", *arguments], capture_output=True, text=True, check=True).stdout


def make_home(home: Path) -> None:
    """Write pip's settings, and the stand-in for its installer."""
    settings_file = home / ".config" / "pip" / "pip.conf"
    settings_file.parent.mkdir(parents=True, exist_ok=True)
    with settings_file.open("w", encoding="utf-8") as file:
        pip_settings().write(file)

    version = get_venv_packages(SimpleNamespace(version=""))["pip"].replace(".", "_")
    installer = home / ".ansible" / "test" / "cache" / f"get_pip_{version}.py"
    installer.parent.mkdir(parents=True, exist_ok=True)
    installer.write_text("import ensurepip\n\nensurepip.bootstrap(default_pip=True)\n", encoding="utf-8")


if __name__ == "__main__":
    make_home(Path(sys.argv[1]))
