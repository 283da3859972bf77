# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a shell, Ansible's programs and make would say of the commands that a page tells its reader to type."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import subprocess
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

import yaml
from ansible.cli.adhoc import AdHocCLI
from ansible.cli.galaxy import GalaxyCLI
from ansible.cli.playbook import PlaybookCLI
from ansible.cli.vault import VaultCLI
from ansible.parsing.splitter import parse_kv
from documentation.ansible_examples import of_action, of_playbook_name, of_variables
from documentation.pages import ROOT

#: The programs of Ansible that examples run, each with its own parser of options.
PARSERS = {
    "ansible": AdHocCLI,
    "ansible-galaxy": GalaxyCLI,
    "ansible-playbook": PlaybookCLI,
    "ansible-vault": VaultCLI,
}
#: Other programs that examples run, by which a misspelled one is seen.
KNOWN = (*PARSERS, "make", "ansible-builder", "ansible-doc", "ansible-inventory", "ansible-config", "podman")
#: What is before a command, with the name of the machine where there are several.
_PROMPT = re.compile(r"[\w.-]*[$#] ")


def commands(text: str) -> list[str]:
    """What a block has a reader type: each line behind a prompt, with those that it is continued on."""
    found: list[str] = []
    continued = False
    for line in text.splitlines():
        prompt = _PROMPT.match(line)
        if continued:
            found[-1] += f"\n{line}"
        elif prompt:
            found.append(line[prompt.end() :])
        continued = (continued or bool(prompt)) and line.endswith("\\")
    return found


def faults(command: str) -> list[str]:
    """What is wrong with a command, in words."""
    shell = subprocess.run(["bash", "-n"], input=f"{command}\n", capture_output=True, text=True, check=False)
    if shell.returncode:
        return [f"bash: {shell.stderr.strip()}"]
    words = shlex.split(command.replace("\\\n", " "), comments=True)
    if words[:1] == ["sudo"]:
        words = words[1:]
    if not words:
        return []
    program, *arguments = words
    if program == "make":
        return [f"there is no make {target}" for target in arguments if "=" not in target and target not in targets()]
    if program in PARSERS:
        return list(_of_ansible(program, arguments))
    near = [] if program in KNOWN else get_close_matches(program, KNOWN, n=1, cutoff=0.85)
    return [f"there is no {program}, did you mean {near[0]}?"] if near else []


def targets() -> set[str]:
    """What make can be asked for."""
    return set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def _of_ansible(program: str, arguments: list[str]) -> Iterator[str]:
    cli = PARSERS[program]([program, *arguments])
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            cli.init_parser()
            options = cli.parser.parse_args(arguments)
    except SystemExit:
        yield said.getvalue().strip().splitlines()[-1]
        return
    yield from of_variables(_variables(getattr(options, "extra_vars", None) or []))
    if program == "ansible-playbook":
        yield from (fault for name in options.args for fault in of_playbook_name(name))
    if program == "ansible":
        yield from of_action(options.module_name, options.module_args)


def _variables(given: list[str]) -> dict[str, Any]:
    """The variables of each -e, as ansible-core reads them; those in a file are not on the page."""
    found: dict[str, Any] = {}
    for each in given:
        if each.startswith(("{", "[")):
            found |= yaml.safe_load(each)
        elif not each.startswith("@"):
            found |= parse_kv(each)
    return found
