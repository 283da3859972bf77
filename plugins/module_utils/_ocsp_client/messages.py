# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What OCSP responders are to be asked, and what came of it, on the wire and in calls."""

from __future__ import annotations

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import dataclass
from ansible_collections.anchorage.pki.plugins.module_utils._wire.codec import (
    flag,
    line,
    messages,
    number,
    text,
)
from ansible_collections.anchorage.pki.plugins.module_utils._wire.content import content

# Bytes. A response with the certificate of its responder has one to four thousand, and the gate takes none that is
# larger.
LARGEST_RESPONSE = 64 * 1024
# Bytes. A request for one certificate has about a hundred.
LARGEST_REQUEST = 4096
# Characters. What is longer is no address of a responder.
LONGEST_URL = 2048
# Seconds. Who has to wait for longer than a day asks again after one.
LONGEST_WAIT = 24 * 3600


@dataclass(frozen=True)
class Question:
    """A request to send: ``request`` is an OCSPRequest (RFC 6960) in DER, ``name`` whatever the asker calls it.

    ``allow_private`` permits loopback and private addresses.
    """

    name: str = text()
    url: str = text(longest=LONGEST_URL)
    request: bytes = content(largest=LARGEST_REQUEST)
    allow_private: bool = flag(False)


@dataclass(frozen=True)
class Answer:
    """What came of one question. Nothing of it is verified.

    ``response`` is the OCSPResponse in DER as it came, also where that only says why there is none, such as tryLater;
    b"" where none came. ``failure`` is why it is of no use, as a sentence without its full stop; "" where it may be.
    ``transient`` is whether a later attempt may well succeed, ``retry_after`` in how many seconds the server asks for
    it, 0 where it does not say.
    """

    name: str = line()
    response: bytes = content(b"", LARGEST_RESPONSE)
    failure: str = line("")
    transient: bool = flag(False)
    retry_after: int = number(0, LONGEST_WAIT)


@dataclass(frozen=True)
class Answers:
    """A host's answers to questions, in their order. Nothing on it changes by that."""

    changed: bool = flag(False)
    certificates: tuple[Answer, ...] = messages(Answer)
