# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ``module_defaults`` say, as people expect it of an action group.

Where a task leaves an option out by a template, as roles do with ``default(omit)``, ansible-core forgets the default
too: a role in a play with a default for the authority would work with another one. And it gives each default of a group
to each task of the group, also to those that have no such option.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ansible.playbook.task import Task
    from ansible.template import Templar

GROUP = "group/anchorage.pki.pki"


def with_defaults(
    task: Task, templar: Templar, given: Mapping[str, Any], options: Collection[str], shared: Collection[str]
) -> dict[str, Any]:
    """What is ``given`` to a task that has these ``options``, and the defaults of those that it leaves out, its own
    before those of the group. Options that most tasks ``share`` are no matter of one that has none of that name."""
    defaults: dict[str, Any] = {}
    for each in task.module_defaults or ():  # those of a block take the place of its play's, as in ansible-core
        defaults.update(each)
    group = _as_options(defaults.get(GROUP), templar)
    own = _as_options(defaults.get(task.resolved_action), templar)
    foreign = {name for name in group if name in shared and name not in {*options, *own}}
    left_out = {name: value for name, value in {**group, **own}.items() if name in options and name not in given}
    return {**templar.template(left_out), **{name: value for name, value in given.items() if name not in foreign}}


def _as_options(defaults: Any, templar: Templar) -> Mapping[str, Any]:
    """The defaults, which may be one template, each still as it was written."""
    options: Mapping[str, Any] = defaults if isinstance(defaults, Mapping) else templar.template(defaults or {})
    return options
