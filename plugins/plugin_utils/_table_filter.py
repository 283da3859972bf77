# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the filters share that make a table of hosts' results: the check of what they are given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleTypeError
from ansible_collections.anchorage.pki.plugins.plugin_utils._tables import Table


def table_filter(name: str, table: Callable[[Mapping[str, Mapping[str, Any]]], Table]) -> Callable[[Any], list[str]]:
    """The filter ``name``, which returns the lines of the ``table`` that is made of hosts' results, and raises
    AnsibleTypeError for anything else."""

    def render(results: Any) -> list[str]:
        if not isinstance(results, Mapping) or not all(isinstance(result, Mapping) for result in results.values()):
            raise AnsibleTypeError(f"{name} takes a dictionary of results by the names of their hosts.")
        return table(results).lines

    return render
