# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names that nobody reads: those that begin like the collection's, and those that nearly do."""

from __future__ import annotations

from difflib import SequenceMatcher, get_close_matches

from ansible_collections.anchorage.pki.plugins.plugin_utils._variables.known import SET_BY_THE_COLLECTION, Known

#: How much of a whole name, and of its beginning, is a known one's. A letter too many, missing or swapped stays above;
#: ``self_certificate_owner`` and ``device_machine_name``, which are other words, stay below.
NEARLY_THE_NAME = 0.93
NEARLY_THE_PREFIX = 0.94

#: How much of what follows the prefix is that of a known name, where it is proposed.
WORTH_PROPOSING = 0.65


def is_unknown(name: str, known: Known) -> bool:
    """Whether a variable looks like one of the collection's and is none."""
    # What is named after a role alone is mostly a result of the module of the same name.
    if name in known.options or name in SET_BY_THE_COLLECTION or name in known.roles:
        return False
    return _misspelled(name, known) is not None or any(_nearly_begins_with(name, prefix) for prefix in known.prefixes)


def likely_name(name: str, known: Known) -> str | None:
    """The known variable that was most likely meant."""
    if misspelled := _misspelled(name, known):
        return misspelled
    for prefix in filter(lambda prefix: _nearly_begins_with(name, prefix), known.prefixes):
        rests = [option.removeprefix(prefix) for option in known.options if option.startswith(prefix)]
        rest = name.split("_", prefix.count("_"))[-1]
        if near := get_close_matches(rest, rests, n=1, cutoff=WORTH_PROPOSING):
            return prefix + near[0]
    return None


def _misspelled(name: str, known: Known) -> str | None:
    """The known variable that a name nearly is."""
    near = get_close_matches(name, known.spellings, n=1, cutoff=NEARLY_THE_NAME)
    return known.spellings[near[0]] if near else None


def _nearly_begins_with(name: str, prefix: str) -> bool:
    """Whether a name begins with a prefix, or nearly. Its plural is somebody else's, as in ``trust_anchors_file``."""
    words = prefix.count("_")
    beginning = "".join(f"{word}_" for word in name.split("_")[:words])
    if name.count("_") < words or beginning == f"{prefix[:-1]}s_":
        return False
    lengths = len(beginning), len(prefix)
    if 2 * min(lengths) < NEARLY_THE_PREFIX * sum(lengths):  # the ratio is less, whatever the letters
        return False
    return SequenceMatcher(None, beginning, prefix).ratio() >= NEARLY_THE_PREFIX
