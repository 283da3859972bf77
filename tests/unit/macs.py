# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Macs for tests: the double of Apple's libraries, where there is a compiler for it."""

from __future__ import annotations

import shutil

import pytest
from ansible_collections.anchorage.pki.tests.macos_double.double import is_real

needs_double = pytest.mark.skipif(
    is_real() or shutil.which("cc") is None,
    reason="needs the double of Apple's libraries: Debian's package build-essential, and ANCHORAGE_SECURITY=double",
)
needs_real = pytest.mark.skipif(not is_real(), reason="needs a Mac, and ANCHORAGE_SECURITY=real")
