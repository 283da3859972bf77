# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors of the operating system over the files of the destination, made ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError


@contextmanager
def translated_errors(path: str) -> Iterator[None]:
    """Turn an OSError over the files of the destination at ``path`` into a HostError."""
    try:
        yield
    except OSError as error:
        # Here, for looks that meet none.
        from ansible_collections.anchorage.pki.plugins.module_utils._leaf.error_texts import explain

        raise HostError(explain(error, path)) from error
