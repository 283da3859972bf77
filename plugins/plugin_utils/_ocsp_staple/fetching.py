# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Responses, asked for once a run.

The run's folder has a file for each certificate about which somebody asks. What one host has got is for all only once
it was found good, so that no host can keep another one from its staple. What the controller has got is for all, a
failure too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.messages import Answer, Question
from ansible_collections.anchorage.pki.plugins.module_utils._wire.codec import decode, encode
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.requests import ocsp_request
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.verification import verify
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp_staple.plan import StaplePlan
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp_staple.subject import Subject
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.run_cache import read_value, waited_for, write_text

#: Asks responders, and gives what became of each question, in their order. Raises PkiError.
Ask = Callable[[Sequence[Question]], Sequence[Answer]]

# Seconds to wait for what another host asks: longer than an attempt takes, but not for ever, as that host may hang.
PATIENCE = 60.0


@dataclass(frozen=True)
class Fetching:
    """Whether the controller asks responders or the host, at private addresses too or not, and the digest by which
    requests name certificates."""

    by_controller: bool
    allow_private: bool
    digest: str


@dataclass(frozen=True)
class _Wanted:
    """A question, and the certificate that it is about."""

    question: Question
    subject: Subject


def answers(plans: Sequence[StaplePlan], fetching: Fetching, ask: Ask, run_folder: Path, now: datetime) -> list[Answer]:
    """What became of what each of ``plans`` asks for: its own response where it has one, else its responder's.

    Raises PkiError.
    """
    wanted: dict[Path, _Wanted] = {}
    paths: list[Path | None] = []
    for plan in plans:
        path = None
        if plan.subject and not plan.request.response:
            question = _question(plan, plan.subject, fetching)
            path = run_folder / "anchorage.pki" / f"{_key(question, plan.subject, fetching)}.ocsp.json"
            wanted.setdefault(path, _Wanted(question, plan.subject))
        paths.append(path)
    found = _shared(wanted, fetching, ask, now)
    return [
        found[path] if path else Answer(plan.request.name, plan.request.response)
        for plan, path in zip(plans, paths, strict=True)
    ]


def _question(plan: StaplePlan, subject: Subject, fetching: Fetching) -> Question:
    """What is asked of the next one of the certificate's responders, in turns while they fail."""
    url = subject.urls[plan.decision.attempts.failures % len(subject.urls)]
    request = ocsp_request(subject.leaf, subject.issuer, fetching.digest)
    return Question(plan.request.name, url, request, fetching.allow_private)


def _key(question: Question, subject: Subject, fetching: Fetching) -> str:
    """What is shared under one key. A good response is good wherever it comes from; a failure is one of its URL."""
    if not fetching.by_controller:
        return subject.key(fetching.digest)
    return subject.key(fetching.digest, question.url, str(question.allow_private))


def _shared(wanted: Mapping[Path, _Wanted], fetching: Fetching, ask: Ask, now: datetime) -> dict[Path, Answer]:
    """An answer to each question, by its file: what others have got, or what ``ask`` gets, in one call.

    Whoever comes first asks, and the others wait for that. Where it got nothing on a host, they wait for nobody any
    more, and each asks for itself, all at once: so a host that cannot reach a responder holds up the others once.
    """
    found = {path: answer for path in wanted if (answer := _read(path))}
    missing = [path for path in wanted if path not in found]
    if not missing:
        return found
    with waited_for([path for path in missing if read_value(path) is None], PATIENCE):
        found.update({path: answer for path in missing if (answer := _read(path))})
        missing = [path for path in missing if path not in found]
        got: dict[Path, Answer] = {}
        try:
            if missing:
                got = dict(zip(missing, ask([wanted[path].question for path in missing]), strict=True))
        finally:
            for path in missing:
                _share(path, wanted[path].subject, got.get(path), fetching, now)
    return {**found, **got}


def _read(path: Path) -> Answer | None:
    """The answer that all may use, if any."""
    value = read_value(path)
    return decode(Answer, value["answer"]) if value and value["answer"] else None


def _share(path: Path, subject: Subject, answer: Answer | None, fetching: Fetching, now: datetime) -> None:
    """Have all use an answer where they may, or know that nobody is to be waited for."""
    if answer and (fetching.by_controller or _is_good(answer, subject, fetching, now)):
        write_text(path, json.dumps({"answer": encode(answer)}))
    elif read_value(path) is None:
        write_text(path, json.dumps({"answer": None}))


def _is_good(answer: Answer, subject: Subject, fetching: Fetching, now: datetime) -> bool:
    return verify(answer.response, subject.leaf, subject.issuer, now, digest=fetching.digest).refusal is None
