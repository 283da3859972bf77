# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which variables are known: the argument specs as they are, and a list that roles and playbooks hold complete."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.anchorage.pki.plugins.plugin_utils._variables.known import (
    PLAYBOOK_OPTIONS,
    SET_BY_THE_COLLECTION,
    Known,
)

ROOT = Path(__file__).resolve().parents[5]
PLAYBOOKS = sorted((ROOT / "playbooks").rglob("*.yml"))
TASKS = sorted((ROOT / "roles").glob("*/tasks/*.yml"))
ADD_HOST = "ansible.builtin.add_host"
ROLE_VARIABLES = sorted((ROOT / "roles").glob("*/vars/*.yml"))


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def given(part: Any) -> set[str]:
    """The variables that plays and tasks set, other than by ``register``."""
    if isinstance(part, list):
        return {name for entry in part for name in given(entry)}
    if not isinstance(part, dict):
        return set()
    names = {name for key in ("vars", "ansible.builtin.set_fact", ADD_HOST) for name in part.get(key, {})}
    return names.union(*(given(entry) for entry in part.values()))


def grouped(part: Any) -> set[str]:
    """The groups that tasks make."""
    if isinstance(part, list):
        return {name for entry in part for name in grouped(entry)}
    if not isinstance(part, dict):
        return set()
    own = {*part.get(ADD_HOST, {}).get("groups", []), *part.get("ansible.builtin.group_by", {}).values()}
    return own.union(*map(grouped, part.values()))


def registered(part: Any) -> set[str]:
    if isinstance(part, list):
        return {name for entry in part for name in registered(entry)}
    if not isinstance(part, dict):
        return set()
    return ({part["register"]} if "register" in part else set()).union(*map(registered, part.values()))


def test_what_roles_and_playbooks_set_is_listed(known: Known) -> None:
    names = {name for path in [*PLAYBOOKS, *TASKS] for name in given(read(path)) if name.startswith(known.prefixes)}
    names |= {name for path in ROLE_VARIABLES for name in read(path)}
    assert names - set(known.options) == SET_BY_THE_COLLECTION


def test_playbooks_read_what_is_listed(known: Known) -> None:
    """Those of its roles aside, and what these register, a playbook reads its own variables alone."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in PLAYBOOKS)
    # No variable: a part of another word, of the name of a task or of a timer.
    words = {word for word in re.findall(r"(?<![\w./-])\w+_\w+\b", text) if word.startswith(known.prefixes)}
    results = {name for path in [*PLAYBOOKS, *TASKS] for name in registered(read(path)) | grouped(read(path))}
    modules = {path.stem for path in (ROOT / "plugins" / "modules").glob("*.py")}
    roles = {name for name in known.options if name not in PLAYBOOK_OPTIONS}
    assert words - results - modules - roles - SET_BY_THE_COLLECTION == set(PLAYBOOK_OPTIONS)


def test_the_main_entry_point_comes_first(known: Known) -> None:
    assert "options" in known.options["leaf_certificate_certificates"]
    assert known.options["leaf_certificate_elsewhere"]["choices"] == ["/", "~"]


def test_the_check_has_no_prefix_of_its_own(known: Known) -> None:
    assert known.roles == (
        "certificate_authority",
        "dev_machine",
        "leaf_certificate",
        "nightly_run",
        "ocsp_staple",
        "scheduled_playbook",
        "staple_refresh",
        "trust_anchor",
    )
