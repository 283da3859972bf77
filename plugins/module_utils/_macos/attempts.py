# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What macOS is asked again where it only could not answer at the moment. A write is never tried again."""

from __future__ import annotations

import time
from collections.abc import Callable

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import TYPE_CHECKING, Any
from ansible_collections.anchorage.pki.plugins.module_utils._macos.codes import attempts_for

if TYPE_CHECKING:
    from typing import TypeVar

    Answer = TypeVar("Answer")
else:
    Answer = Any

#: Seconds before further attempts.
PAUSES = (1.0, 2.0, 4.0)
_LARGEST_JITTER = 0.25  # of a pause, so that the hosts of a fleet do not all come back at once


def answers_of(
    attempt: Callable[[], Answer], worth: Callable[[Answer], int], pauses: tuple[float, ...] = PAUSES
) -> list[Answer]:
    """The answers of all attempts, in order: as many as the last answer is ``worth``, as far as there are ``pauses``.

    Each attempt is to have a process of its own: a call that Apple's library gave up goes on in its process, and the
    next one there would wait for it.
    """
    answers = [attempt()]
    for pause in pauses:
        if len(answers) >= worth(answers[-1]):
            break
        import random  # which takes long, and is hardly ever needed

        time.sleep(pause * (1 + random.uniform(0, _LARGEST_JITTER)))  # noqa: S311
        answers.append(attempt())
    return answers


def worth_of_reading(answer: dict[str, Any]) -> int:
    """How often it is worth to ask for what was answered of anchors, which only reads."""
    failures = [answer["failure"], answer.get("server_refusal")]
    for anchor in answer.get("anchors", ()):
        of_settings = (each["failure"] for domain in anchor["domains"] for each in domain["certificates"])
        failures += [anchor["refusal"], *of_settings]
    return max((attempts_for(each["code"]) for each in failures if each and each["code"] is not None), default=1)
