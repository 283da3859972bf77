# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The withdrawal of one leaf's staple, by what is on the disk."""

from __future__ import annotations

import sys
import time
from typing import NamedTuple

from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import (
    opened_folder,
    opened_subfolder,
    read_file,
    remove,
)
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination import BusyError, existing_lock
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.files import CERTIFICATE, STAPLE
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.journal import read_journals
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.pointers import (
    deployed_generation,
    set_pointing,
    wanted_pointing,
)
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.withdrawn import (
    MARK,
    Mark,
    make_unstapled,
    read_mark,
    settle_mark,
    write_mark,
)
from ansible_collections.anchorage.pki.plugins.module_utils._programs.installation import Layout
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdrawal.commands import (
    reload_servers,
    run_tests,
)
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdrawal.recipes import Recipe
from ansible_collections.anchorage.pki.plugins.module_utils._x509.pem_block import from_pem
from ansible_collections.anchorage.pki.plugins.module_utils._x509.staple import read_staple

# Clients accept a staple until its end by their own clocks, which may be as much ahead.
MARGIN = 300

# The object identifier of the extension for must-staple (RFC 7633) in DER. Nothing else in a leaf has these bytes.
_TLS_FEATURE = bytes.fromhex("06082b06010505070118")

#: What a recipe or a leaf that cannot be read, or a command that fails, raises; DerError is a ValueError.
ERRORS = (HostError, OSError, ValueError)


class Standing(NamedTuple):
    """How a leaf stands: the deployed generation (0 for none), the end of its staple in seconds since 1970-01-01 UTC
    (None for no staple), and the mark of its withdrawal."""

    generation: int
    end: int | None
    mark: Mark | None

    @property
    def due(self) -> int | None:
        """From when the staple has to be withdrawn, None where there is nothing to withdraw."""
        if self.end is None or (self.mark and self.mark.settled):
            return None
        return 0 if self.mark else self.end - MARGIN


def standing(recipe: Recipe) -> Standing:
    """How the recipe's leaf stands. Raises HostError, OSError, DerError."""
    with opened_folder(recipe.place.folder(recipe.name)) as folder:
        return Standing(0, None, None) if folder is None else _standing(folder)


def _standing(folder: int) -> Standing:
    number, staple = withdrawable_staple(folder)
    end = None if staple is None else read_staple(staple).next_update
    return Standing(number, end, read_mark(folder, number))


def withdrawable_staple(folder: int) -> tuple[int, bytes | None]:
    """The generation that is deployed in a leaf's ``folder`` (0 for none), and its staple, be it withdrawn or not; None
    for no staple, and where clients would refuse the leaf without one.

    Raises HostError, OSError, ValueError.
    """
    number = deployed_generation(folder)
    if number == 0:
        return 0, None
    with opened_subfolder(folder, f"v{number}") as generation:
        certificate, staple = read_file(generation, CERTIFICATE), read_file(generation, STAPLE)
    must_staple = _TLS_FEATURE in from_pem((certificate or b"").decode("ascii"))
    return number, None if must_staple else staple


def attend(recipe: Recipe | None, now: float, layout: Layout) -> bool:
    """Withdraw the staple of the recipe's leaf where that is due; False where another run is at work there.

    Raises any of ``ERRORS``.
    """
    due = None if recipe is None else standing(recipe).due
    if recipe is None or due is None or due > now:
        return True
    with opened_folder(recipe.destination) as root:
        try:
            if root is not None:
                with existing_lock(root, recipe.destination, exclusive=True, timeout=0):
                    _withdraw(root, recipe, now, layout)
        except BusyError:
            return False
    return True


def _withdraw(root: int, recipe: Recipe, now: float, layout: Layout) -> None:
    """Withdraw the staple, now that nobody else is at work. Raises any of ``ERRORS``."""
    if read_journals(root):
        raise HostError(f"an activation in {recipe.destination} was interrupted; the next run of the task settles it")
    with opened_folder(recipe.place.folder(recipe.name)) as folder:
        found = Standing(0, None, None) if folder is None else _standing(folder)
        if folder is not None and found.due is not None and found.due <= now:  # no other run was faster
            _swap(folder, recipe, found, now, layout)


def _swap(folder: int, recipe: Recipe, found: Standing, now: float, layout: Layout) -> None:
    """Have nothing name the staple any more, and servers notice. Raises any of ``ERRORS``.

    The mark comes first: what it stands for is then no longer taken for somebody's mistake.
    """
    number = found.generation
    if found.mark is None:
        write_mark(folder, Mark(number, time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now)), settled=False))
    make_unstapled(folder, number)
    set_pointing(folder, wanted_pointing(recipe.place, recipe.name, number, stapled=True, withdrawn=True))
    try:
        run_tests(recipe.commands, layout)
    except HostError:
        set_pointing(folder, wanted_pointing(recipe.place, recipe.name, number, stapled=True))
        remove(folder, MARK)
        raise
    reload_servers(recipe.commands, recipe.server, layout)
    settle_mark(folder, number)
    path = recipe.place.generation(recipe.name, number)
    sys.stderr.write(f"Withdrew the staple of {path}.\n")
