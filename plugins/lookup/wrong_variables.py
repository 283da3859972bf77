# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: wrong_variables
short_description: Variables of this collection that nobody reads, or whose value does not fit
version_added: 0.3.0
author:
  - The anchorage.pki contributors (@anchorage)
description:
  - Compares the variables of hosts, and those of the current play and role, with the ones that the roles and playbooks
    of this collection document.
  - A variable that begins, or nearly begins, like theirs and is none of them is wrong, unless a task registered it. So
    is a value of another type, and one that is not among the choices.
  - Only variables of this collection are templated. A value that cannot be templated at this point is left to the task
    that uses it.
  - Every role and playbook of this collection asks it before it does anything.
options:
  _terms:
    description: The names of the hosts.
    type: list
    elements: str
    required: true
seealso:
  - plugin: ansible.builtin.varnames
    plugin_type: lookup
"""

EXAMPLES = r"""
- name: See what is wrong anywhere in the inventory
  ansible.builtin.debug:
    msg: "{{ query('anchorage.pki.wrong_variables', *groups.all) }}"
  run_once: true
"""

RETURN = r"""
_raw:
  description:
    - A few words on each wrong variable, with the hosts that have it. The values of secret options are not in them.
  type: list
  elements: str
"""

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.module_utils.common.parameters import DEFAULT_TYPE_VALIDATORS
from ansible.module_utils.common.yaml import yaml_load
from ansible.plugins.lookup import LookupBase
from ansible.template import Templar
from ansible_collections.anchorage.pki.plugins.plugin_utils._variables.known import Known, known_variables
from ansible_collections.anchorage.pki.plugins.plugin_utils._variables.report import Judge, Place, wrong_variables

ROLES = Path(__file__).resolve().parents[2] / "roles"


class LookupModule(LookupBase):
    """Returns what is wrong with the variables of hosts and play."""

    def run(self, terms: list[str], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[str]:
        self.set_options(var_options=variables, direct=kwargs)
        judge = Judge(_known(), _convert, lambda written: not self._templar.is_template(written))
        return wrong_variables(self._places(terms, variables or {}), judge)

    def _places(self, hosts: Iterable[str], variables: Mapping[str, Any]) -> Iterator[Place]:
        """The hosts, and what this task has besides, from its play, its roles, what includes them, or another host."""
        hostvars = variables["hostvars"]
        for host in hosts:
            on_host = hostvars.raw_get(host)
            templar = self._templar.copy_with_new_env(available_variables=on_host)
            yield Place(host, on_host, _template_with(templar))
        host = variables["inventory_hostname"]
        looked_at = hostvars.raw_get(host) if host in hosts else {}
        own = {name: written for name, written in variables.items() if written is not looked_at.get(name)}
        yield Place(None, own, _template_with(self._templar))


@functools.cache
def _known() -> Known:
    """What the roles document, read once in a task, which asks for its condition and again for its message."""
    paths = sorted(ROLES.glob("*/meta/argument_specs.yml"))
    return known_variables(
        {path.parents[1].name: yaml_load(path.read_text(encoding="utf-8"))["argument_specs"] for path in paths}
    )


def _template_with(templar: Templar) -> Callable[[Any], Any]:
    def template(written: Any) -> Any:
        try:
            return templar.template(written)
        except AnsibleError:
            # It may need facts that nobody gathered yet, or be omitted; who uses it says what is missing.
            return None

    return template


def _convert(kind: str, value: Any) -> Any:
    return DEFAULT_TYPE_VALIDATORS[kind](value)
