# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter anchorage.pki.property_list: a value as macOS reads it from files."""

from __future__ import annotations

DOCUMENTATION = r"""
name: property_list
short_description: A value as an XML property list of macOS
version_added: 0.3.0
description:
  - Writes a dictionary as an XML property list, which is what macOS reads, for example C(launchd). Equal values give
    equal text.
  - The role P(anchorage.pki.dev_machine#role) writes its LaunchAgent with it.
options:
  _input:
    description:
      - The dictionary, of strings, numbers, booleans, lists and dictionaries. A property list has no null.
    type: dict
    required: true
author:
  - The anchorage.pki contributors (@anchorage)
"""

EXAMPLES = r"""
- name: Write an agent of launchd
  ansible.builtin.copy:
    content: "{{ {'Label': 'internal.backup', 'ProgramArguments': ['/usr/local/bin/backup'], 'RunAtLoad': true}
      | anchorage.pki.property_list }}"
    dest: ~/Library/LaunchAgents/internal.backup.plist
    mode: "0644"
"""

RETURN = r"""
_value:
  description: The property list.
  type: str
"""

import plistlib
from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleTypeError


def property_list(value: Any) -> str:
    """The XML of a dictionary. Raises AnsibleTypeError where it has what no property list can hold."""
    if not isinstance(value, Mapping):
        raise AnsibleTypeError("property_list takes a dictionary.")
    try:
        return plistlib.dumps(_plain(value)).decode()
    except (TypeError, OverflowError) as error:
        raise AnsibleTypeError(f"property_list cannot write this: {error}.") from error


def _plain(value: Any) -> Any:
    """The same of dictionaries and lists of Python's own: plistlib takes no others."""
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, (list, tuple)) else value


class FilterModule:
    """Where Ansible looks for the filter."""

    def filters(self) -> dict[str, Callable[[Any], str]]:
        return {"property_list": property_list}
