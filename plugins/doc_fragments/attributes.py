# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task supports, in the words of ansible-core's own attributes."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and tell what it would change, without changing anything.
  diff_mode:
    description: Returns details on what has changed, or in C(check_mode) would change.
  idempotent:
    description: When run twice in a row with unchanged options, the second run changes nothing.
  platform:
    description: Operating systems that the task can work on.
"""

    ON_THE_CONTROLLER = r"""
options: {}
attributes:
  platform:
    platforms: posix
    support: full
    details: Runs on the controller, whatever the host.
"""

    TRUST_STORES = r"""
options: {}
attributes:
  platform:
    platforms: debian, rhel, fedora, suse, arch, alpine, freebsd, macos
    support: full
    details: On macOS, it was tested against a double of Apple's libraries only.
"""
