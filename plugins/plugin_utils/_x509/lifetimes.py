# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every lifetime, share and margin of the controller, in one table, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone


@dataclass(frozen=True)
class Lifetimes:
    """How long each kind of certificate, and a staple, is valid, in days. What is set here is the default."""

    root: int = 3650
    issuing: int = 1095
    responder: int = 30
    leaf: int = 90
    staple: int = 7


# Apple's clients refuse a longer leaf even under an anchor of the user's own.
LONGEST_LEAF = 825
# A hundred years, far enough from the year 9999 in which the calendar of a certificate ends.
LONGEST_ROOT = 36500
# A lifetime is at least this many times that of what it has to outlive, which leaves room for renewal.
SHORTEST_MULTIPLE = 2

# A host whose clock is a little slow must not find its new certificate or staple in the future.
BACKDATE = timedelta(minutes=5)
# How far the clocks of two machines may be apart, as OpenSSL, nginx and HAProxy have it.
SKEW = timedelta(minutes=5)

# How far a lifetime may be from the one that is wished and still be that one: rounding and clocks are no reason.
LIFETIME_TOLERANCE = timedelta(hours=1)

# What is left of a certificate's lifetime when it is renewed. A third of a leaf's is a month, time enough to find
# and repair what keeps it from being renewed.
LEAF_REMAINDER = 1 / 3
# For how long a leaf for tests is valid in name, and how far that is from now, or from the end of its issuer: more than
# clocks are ever apart.
TEST_LIFETIME = timedelta(days=1)
TEST_DISTANCE = timedelta(days=1)
# The end of a certificate that has none (RFC 5280, section 4.1.2.5), as an issuing one of another authority may be.
LAST_MOMENT = datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone.utc)
# A development proxy signs by itself, in no ledger, with a key that lies beside it, so that its authority is soon over.
# It is renewed as a leaf is, since a proxy takes no notice until it reads its files again.
PROXY = 90
PROXY_REMAINDER = 1 / 3
# A root must reach every host before it is needed: a third is years, and never less than a leaf's lifetime, since
# nothing outlives its root.
ROOT_REMAINDER = 1 / 3
# What is left of an issuing certificate that another authority signs when the next one is asked for, in lifetimes of a
# leaf: once a single one is left, no more leaves can be signed, so that people have the other one to get it.
REQUEST_REMAINDER = 2
# Half of a responder's, which policy keeps at a staple's lifetime or more: so no staple is ever cut short.
RESPONDER_REMAINDER = 1 / 2
# How long before a responder ends everybody is warned who depends on it: twice the time of a staple.
RESPONDER_WARNING = timedelta(days=14)

# How much of a staple's validity has passed when it is renewed: half, so that it can fail for days before a server has
# none; certificates differ by up to a tenth, so that a fleet does not renew all of its staples in one run.
STAPLE_RENEWAL = 0.5
STAPLE_JITTER = 0.1
# What is left at least of a staple's validity when it is signed or taken over: HAProxy serves none whose last five
# minutes have begun, and the server has to load it before that.
SHORTEST_STAPLE = timedelta(minutes=10)
# How long the ledger keeps a staple that has expired.
STAPLE_MEMORY = timedelta(days=30)

# A list of an issuing authority is valid as long as a staple, so that whoever reads it knows of a revocation no later
# than whoever sees a staple. That of the root, whose key may be kept elsewhere, and which almost never changes, for
# half a year.
ROOT_LIST = timedelta(days=180)
# How much of a list's validity has passed when it is renewed: half, as of a staple. So runs that publish may be half of
# a staple's validity apart, and no more.
LIST_RENEWAL = 0.5
# What is left of a published list's validity when everybody is warned: a run that should have renewed it failed, or
# there was none.
LIST_WARNING = 1 / 4

# How long ago a proof that a host trusts a root was entered when the same one is entered anew: often enough for it to
# count for a week, and so rarely that most runs write nothing.
PROOF_RENEWAL = timedelta(days=1)
# For how long a proof counts, and how long the old root stays after the last leaf below it went, for clients that
# nobody manages, unless somebody wants it otherwise.
PROOF_AGE = timedelta(days=7)
OVERLAP = timedelta(days=7)

# How long a responder of another authority is left alone after its first failure, and after many: as HAProxy's own
# updates have it. It may ask for more, up to a day, so that no responder silences itself for good.
FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=1)
LONGEST_PAUSE_ASKED = timedelta(days=1)
# By how much of it a pause is longer at the most, so that a fleet does not come back all at once.
PAUSE_JITTER = 0.1
