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

from ansible_collections.anchorage.pki.plugins.plugin_utils._ledger.arguments import STEPS
from ansible_collections.anchorage.pki.plugins.plugin_utils._ledger.export import CSV, JSON_LINES
from ansible_collections.anchorage.pki.plugins.plugin_utils._ledger.selection import STATES
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.revocation_lists import REASONS

#: An option as a role's argument spec has it.
Option = Mapping[str, Any]

#: The variables of the playbooks alone, which have no argument spec of their own.
PLAYBOOK_OPTIONS: dict[str, Option] = {
    "anchorage_audit_file": {"type": "path"},
    "anchorage_backup_file": {"type": "path"},
    "anchorage_backup_passphrase": {"type": "str"},
    "anchorage_delete_authority": {"type": "bool"},
    "anchorage_hosts": {"type": "raw"},  # a pattern, or a list of them
    "anchorage_ledger_ends_within_days": {"type": "int"},
    "anchorage_ledger_file": {"type": "path"},
    "anchorage_ledger_format": {"type": "str", "choices": [JSON_LINES, CSV]},
    "anchorage_ledger_host": {"type": "str"},
    "anchorage_ledger_keep_days": {"type": "int"},
    "anchorage_ledger_merge": {"type": "list", "elements": "str"},
    "anchorage_ledger_move_to": {"type": "str", "choices": ["server", "folder"]},
    "anchorage_ledger_name": {"type": "str"},
    "anchorage_ledger_reason": {"type": "str"},
    "anchorage_ledger_search": {"type": "str"},
    "anchorage_ledger_state": {"type": "str", "choices": list(STATES)},
    "anchorage_ledger_step": {"type": "str", "choices": [*STEPS, "verify"]},
    "anchorage_publish_hosts": {"type": "raw"},  # the same
    "anchorage_remove_external_root": {"type": "bool"},
    "anchorage_report_file": {"type": "path"},
    "anchorage_report_ledgers": {"type": "list", "elements": "str"},
    "anchorage_report_page": {"type": "path"},
    "anchorage_restore_lists": {"type": "list", "elements": "str"},
    "anchorage_restore_without_lists": {"type": "bool"},
    "anchorage_revoke_certificate": {"type": "path"},
    "anchorage_revoke_destination": {"type": "path"},
    "anchorage_revoke_host": {"type": "str"},
    "anchorage_revoke_name": {"type": "str"},
    "anchorage_revoke_reason": {"type": "str", "choices": list(REASONS)},
    "anchorage_revoke_reissue": {"type": "bool"},
    "anchorage_revoke_serial": {"type": "str"},
    "anchorage_rotate_batch": {"type": "raw"},  # as a play's serial: a number, a percentage, or a list of them
    "anchorage_rotate_compromised": {"type": "bool"},
    "anchorage_rotate_host": {"type": "str"},
    "anchorage_rotate_overlap_days": {"type": "int"},
    "anchorage_rotate_proof_days": {"type": "int"},
    "anchorage_rotate_reason": {"type": "str"},
    "anchorage_rotate_step": {
        "type": "str",
        "choices": ["status", "begin", "continue", "abort", "leave_out", "wait_for"],
    },
}

#: What roles and playbooks set themselves, other than by ``register``.
SET_BY_THE_COLLECTION = frozenset(
    {
        "anchorage_all",
        "anchorage_anchor_given",
        "anchorage_audit",
        "anchorage_bystanders",
        "anchorage_chosen",
        "anchorage_deletion",
        "anchorage_due_paths",
        "anchorage_due_staples",
        "anchorage_followed",
        "anchorage_foreign",
        "anchorage_foreign_chosen",
        "anchorage_foreign_results",
        "anchorage_foreign_skipped",
        "anchorage_former_metrics",
        "anchorage_gone",
        "anchorage_here",
        "anchorage_hosts_due",
        "anchorage_is_behind",
        "anchorage_is_left_out",
        "anchorage_leaves",
        "anchorage_left",
        "anchorage_left_told",
        "anchorage_linked",
        "anchorage_meant",
        "anchorage_metrics",
        "anchorage_metrics_path",
        "anchorage_named",
        "anchorage_not_followed",
        "anchorage_not_issued",
        "anchorage_not_served",
        "anchorage_not_taken",
        "anchorage_not_undone",
        "anchorage_now",
        "anchorage_now_served",
        "anchorage_or_leave_out",
        "anchorage_paths",
        "anchorage_places",
        "anchorage_published",
        "anchorage_purged",
        "anchorage_results",
        "anchorage_revoked_paths",
        "anchorage_revoked_places",
        "anchorage_role",
        "anchorage_served",
        "anchorage_staple_lines",
        "anchorage_stays",
        "anchorage_step",
        "anchorage_unknown",
        "anchorage_unnamed",
        "anchorage_unseen",
        "anchorage_unserved",
        "anchorage_visited",
        "anchorage_why",
        "anchorage_withheld",
        "anchorage_with_leaves",
        "anchorage_without_foreign",
        "dev_machine_agent",
        "dev_machine_agent_content",
        "dev_machine_agent_domain",
        "dev_machine_agent_file",
        "dev_machine_agent_folder",
        "dev_machine_agent_kept",
        "dev_machine_agent_log",
        "dev_machine_agent_service",
        "dev_machine_agent_text",
        "dev_machine_certificate",
        "dev_machine_fullchain",
        "dev_machine_hosts",
        "dev_machine_made",
        "dev_machine_path",
        "dev_machine_privkey",
        "dev_machine_programs",
        "dev_machine_proxy_caddyfile",
        "dev_machine_proxy_folder",
        "dev_machine_proxy_told",
        "dev_machine_renewal_state",
        "dev_machine_renewed",
        "dev_machine_settings",
        "dev_machine_settings_file",
        "dev_machine_starter",
        "dev_machine_summary",
        "dev_machine_unit_folder",
        "dev_machine_unmade",
        "leaf_certificate_known",
        "leaf_certificate_named",
        "leaf_certificate_pattern",
        "leaf_certificate_place",
        "ocsp_staple_named",
        "scheduled_playbook_calendar_time",
        "scheduled_playbook_command",
        "scheduled_playbook_environment",
        "scheduled_playbook_folder",
        "scheduled_playbook_kept",
        "scheduled_playbook_kept_in",
        "scheduled_playbook_limit",
        "scheduled_playbook_lingering_mark",
        "scheduled_playbook_log",
        "scheduled_playbook_log_variable",
        "scheduled_playbook_minutes",
        "scheduled_playbook_missing",
        "scheduled_playbook_of",
        "scheduled_playbook_of_inventory",
        "scheduled_playbook_program",
        "scheduled_playbook_rhythm",
        "scheduled_playbook_scheduler",
        "scheduled_playbook_scope",
        "scheduled_playbook_settings",
        "scheduled_playbook_show_log",
        "scheduled_playbook_sources",
        "scheduled_playbook_stamp_folder",
        "scheduled_playbook_starter",
        "scheduled_playbook_systemctl",
        "scheduled_playbook_title",
        "scheduled_playbook_told",
        "scheduled_playbook_undone",
        "scheduled_playbook_unit_folder",
        "scheduled_playbook_unmade",
        "staple_refresh_metrics_folder",
        "trust_anchor_given",
        "trust_anchor_removed",
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
