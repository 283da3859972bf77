# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is asked of OCSP responders, and what becomes of it."""

from __future__ import annotations

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import dataclass
from ansible_collections.anchorage.pki.plugins.module_utils._wire.codec import (
    content,
    flag,
    line,
    messages,
    number,
    text,
)


@dataclass(frozen=True)
class Question:
    """A request (the DER of an OCSPRequest) for the responder at ``url``."""

    name: str = text()
    url: str = text()
    request: bytes = content()
    allow_private: bool = flag(False)


@dataclass(frozen=True)
class Answer:
    """The response to a question, or the ``failure`` to get one; ``retry_after`` is in seconds."""

    name: str = line()
    response: bytes = content(b"")
    failure: str = line("")
    transient: bool = flag(False)
    retry_after: int = number(0)


@dataclass(frozen=True)
class Answers:
    """A host's answers to questions, in their order."""

    changed: bool = flag(False)
    certificates: tuple[Answer, ...] = messages(Answer)
