# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which variables the collection knows: those that its roles document, those of its playbooks, and those it sets."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

#: An option as a role's argument spec has it.
Option = Mapping[str, Any]

#: The variables of the playbooks alone, which have no argument spec of their own.
PLAYBOOK_OPTIONS: dict[str, Option] = {
    "anchorage_audit_file": {"type": "path"},
    "anchorage_delete_authority": {"type": "bool"},
    "anchorage_hosts": {"type": "raw"},  # a pattern, or a list of them
}

#: What roles and playbooks set themselves, other than by ``register``.
SET_BY_THE_COLLECTION = frozenset(
    {
        "anchorage_anchor_given",
        "anchorage_audit",
        "anchorage_chosen",
        "anchorage_deletion",
        "anchorage_due_paths",
        "anchorage_gone",
        "anchorage_leaves",
        "anchorage_left",
        "anchorage_left_told",
        "anchorage_named",
        "anchorage_not_undone",
        "anchorage_places",
        "anchorage_stays",
        "anchorage_unknown",
        "anchorage_unnamed",
        "anchorage_visited",
        "dev_machine_certificate",
        "dev_machine_renewal_state",
        "dev_machine_renewed",
        "dev_machine_settings",
        "dev_machine_unmade",
        "leaf_certificate_known",
        "leaf_certificate_named",
        "leaf_certificate_pattern",
        "leaf_certificate_place",
        "nightly_run_command",
        "nightly_run_environment",
        "nightly_run_folder",
        "nightly_run_kept",
        "nightly_run_limit",
        "nightly_run_lingering_mark",
        "nightly_run_log",
        "nightly_run_minutes",
        "nightly_run_missing",
        "nightly_run_of",
        "nightly_run_program",
        "nightly_run_scheduler",
        "nightly_run_scope",
        "nightly_run_settings",
        "nightly_run_show_log",
        "nightly_run_sources",
        "nightly_run_stamp_folder",
        "nightly_run_starter",
        "nightly_run_systemctl",
        "nightly_run_told",
        "nightly_run_undone",
        "nightly_run_unit_folder",
        "nightly_run_unmade",
        "trust_anchor_given",
    }
)

#: A word twice in a row, as in ``leaf_certificate_certificates``. People write it once.
STUTTER = re.compile(r"([a-z]+)_(?=\1)")


@dataclass(frozen=True)
class Known:
    """The options by their names, and the roles that have some."""

    options: Mapping[str, Option]
    roles: tuple[str, ...]

    @property
    def prefixes(self) -> tuple[str, ...]:
        """How the collection's variables begin."""
        return ("anchorage_", *(f"{role}_" for role in self.roles))

    @functools.cached_property
    def spellings(self) -> Mapping[str, str]:
        """The options by their names, and by their names without the stutter."""
        return {STUTTER.sub("", name): name for name in self.options} | {name: name for name in self.options}


def known_variables(specs: Mapping[str, Mapping[str, Any]]) -> Known:
    """What the argument specs of the roles, by the roles' names, and the playbooks document."""
    options = dict(PLAYBOOK_OPTIONS)
    for entry_points in specs.values():
        for name, option in _options(entry_points):
            # The first entry point is main, which says the most of a variable.
            options.setdefault(name, option)
    return Known(options, tuple(role for role, entry_points in specs.items() if entry_points))


def _options(entry_points: Mapping[str, Any]) -> Iterable[tuple[str, Option]]:
    for entry_point in entry_points.values():
        yield from entry_point["options"].items()
