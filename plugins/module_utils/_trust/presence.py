# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which stores a host may have at all, by a few paths: code for all others is not even loaded there.

Nothing here decides that there is a store, only that there can be none.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from ansible_collections.anchorage.pki.plugins.module_utils._host.accounts import find_accounts
from ansible_collections.anchorage.pki.plugins.module_utils._trust.failures import STORE_ERRORS
from ansible_collections.anchorage.pki.plugins.module_utils._trust.files import read_regular
from ansible_collections.anchorage.pki.plugins.module_utils._trust.kinds import Finder
from ansible_collections.anchorage.pki.plugins.module_utils._trust.settings import Settings


def present(finders: Sequence[Finder], settings: Settings) -> list[Finder]:
    """Those that may find a store on the host, in their order. All homes are looked at once, for all of them."""
    marked = [finder for finder in finders if _is_marked(finder, settings)]
    others = [finder for finder in finders if finder not in marked and finder.homes]
    homes = [place for finder in others for place in finder.homes]
    if homes and _may_be_in_a_home(homes, settings):
        marked += others
    return [finder for finder in finders if finder in marked]


def _is_marked(finder: Finder, settings: Settings) -> bool:
    return (
        not (finder.marks or finder.words or finder.homes)
        or any(_exists(settings.path(mark)) for mark in finder.marks)
        or any(word in (read_regular(settings.path(path)) or b"") for path, word in finder.words)
    )


def _exists(mark: str) -> bool:
    """Whether there may be a path like ``mark``, whose last part may end in an asterisk."""
    if not mark.endswith("*"):
        return os.path.lexists(mark)
    folder, beginning = os.path.split(mark[:-1])
    try:
        return any(name.startswith(beginning) for name in os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True


def _may_be_in_a_home(places: Sequence[str], settings: Settings) -> bool:
    try:
        return bool(find_accounts(settings.root, places, settings.survey_timeout))
    except STORE_ERRORS:  # for the finder to run into, and to report
        return True
