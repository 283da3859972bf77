# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A revocation in its steps, each of which the next run does again where this one is cut off: it is entered in the
ledger with the number of the list that will tell of it; the list is signed; the response "revoked" is signed; all of it
is published.

The first step is short, and needs the lock of the authority's folder, which keeps away who makes issuers. The others
may take minutes, and need a lock of their own: what is urgent is entered meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority, IssuingAuthority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import Ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.locks import publishing
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import UNRECORDED, DueResponse
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.renewal import needed_issuers
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.revocations import StoredList
from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import serialization
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PassphraseError, PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.issuers import (
    ListIssuer,
    list_issuers,
    listed_targets,
    with_lost_issuers,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.outcome import (
    ListOutcome,
    Outcome,
    ResponsesOutcome,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.published import (
    PublishedList,
    check_published,
    published_lists,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.request import NOTHING, Target, find_targets
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.responses import sign_responses
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.tree import (
    RESPONSES,
    differing,
    issuer_path,
    list_path,
    present,
    remove_files,
    response_path,
    write_tree,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import Signer
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.revocation_lists import RevokedCertificate, sign_list

Issuer = TypeVar("Issuer")

# How many responses are signed while other runs wait for the ledger: RSA takes seconds for them.
BATCH = 500


@dataclass(frozen=True)
class RevocationTransaction:
    """The revocations of an authority at one time; ``folder`` is where they are published, None for nowhere. Each
    method may raise PkiError."""

    authority: Authority
    passphrases: Passphrases
    ledger: Ledger
    folder: Path | None
    now: datetime

    @cached_property
    def _whole(self) -> Authority:
        """The authority as the ledger knows it, with the issuing authorities whose folders are gone."""
        return with_lost_issuers(self.authority, self.ledger.revocations.issuing_certificates())

    @cached_property
    def issuers(self) -> list[ListIssuer]:
        """Those whose lists are kept."""
        return list_issuers(self._whole, self.ledger.last_leaf_ends(), self.now)

    @property
    def _issuing(self) -> list[IssuingAuthority]:
        """Those whose leaves have not ended. What a revoked one signs says nothing, so that of its leaves there are no
        responses."""
        needed = needed_issuers(self._whole, self.ledger.last_leaf_ends(), self.now)
        revoked = self.ledger.revocations.revoked_authorities()
        return [issuer for issuer in needed if issuer.sha256 not in revoked]

    def carry_out(self, arguments: Mapping[str, Any]) -> Outcome:
        """Revoke what the ``arguments`` of a task name, and do what former runs left, in the steps above."""
        return self.complete(self.enter(arguments))

    def complete(self, targets: tuple[Target, ...]) -> Outcome:
        """Do all the steps but the first, whose ``targets`` are entered. The caller holds the lock of
        :func:`publishing`."""
        lists, changed = self.publish_lists()
        responses = self.sign_responses()
        changed.update(self.publish_responses(lists, responses))
        return Outcome(targets, lists, responses, len(changed))

    def plan(self, arguments: Mapping[str, Any]) -> Outcome:
        """What :meth:`carry_out` would do, as far as it can be told without signing."""
        targets = self._find(arguments)
        self.check_keys()
        self._check_published({target.known.certificate.serial_number for target in targets})
        revoked = {target.known.issuer_sha256 for target in targets if target.is_new}
        lists = tuple(self._planned_list(issuer, revoked) for issuer in self.issuers)
        named = {target.known.sha256 for target in targets}
        staying = [issuer for issuer in self._issuing if issuer.sha256 not in named]
        due = [issuer for issuer in staying if issuer.sha256 in revoked or self._due_responses(issuer)]
        reasons = [_reason(self._responder, issuer) for issuer in due]
        responses = ResponsesOutcome(reasons.count(""), next(filter(None, reasons), ""))
        return Outcome(targets, lists, responses, len(self._differing(lists)) + len(self._ended()))

    def _find(self, arguments: Mapping[str, Any]) -> tuple[Target, ...]:
        signers = [*self._whole.own_roots, *self._whole.issuers]
        targets = find_targets(arguments, signers, self.ledger.revocations, self.now, self.folder is not None)
        return listed_targets(targets, self._whole)

    def check_keys(self) -> None:
        """Raise PkiError where a passphrase is wrong, before anything is entered. Keys that are away or damaged are no
        reason: what they would sign is pending."""
        for issuer in self.issuers:
            _reason(self._list_signer, issuer)
        for authority in self._issuing:
            _reason(self._responder, authority)

    def enter(self, arguments: Mapping[str, Any]) -> tuple[Target, ...]:
        """Enter what is revoked, and the numbers of the lists that will tell of it, all or nothing.

        It is found in the same transaction: no leaf can be signed for a place after that was looked at. The caller
        holds the lock of the authority's folder, and has read it under that.
        """
        self.check_keys()
        with self.ledger.transaction():
            targets = self._find(arguments)
            for target in targets:
                if target.known.status == UNRECORDED:
                    self.ledger.record_found(target.known)
                    for read_before in ("_whole", "issuers"):  # it may be one, or the last leaf of one
                        self.__dict__.pop(read_before, None)
                if target.is_new:
                    self.ledger.revocations.enter(target.known.sha256, target.request.reason, target.reissue, self.now)
                elif target.changed:
                    self.ledger.revocations.set_reissue(target.known.sha256, target.reissue)
            revoked = {target.known.issuer_sha256 for target in targets if target.is_new}
            for issuer in self.issuers:
                if revoked.intersection(issuer.certificates):
                    self.ledger.revocations.take_number(issuer.identifier, self.now)
        return targets

    def sign_lists(self) -> tuple[ListOutcome, ...]:
        """Sign the lists whose numbers were taken, and those that are to be renewed."""
        return tuple(self._sign_list(issuer) for issuer in self.issuers)

    def _planned_list(self, issuer: ListIssuer, revoked: Collection[str] = ()) -> ListOutcome:
        """Whether a list of the issuer is to be signed, since it is due or certificates of the issuers with these
        fingerprints are ``revoked``, and can be."""
        revocations, key = self.ledger.revocations, issuer.identifier
        last = revocations.last_list(key)
        awaited = any(map(issuer.has_signed, revoked)) or self._is_awaited(issuer, last)
        # A ledger that was restored knows an older list than clients.
        overtaken = last is not None and last.signed.number < self._published[key].number
        if not awaited and not overtaken and not issuer.is_due(last, self.now):
            return ListOutcome(issuer, last, signed=False)
        pending = _reason(self._list_signer, issuer)
        return ListOutcome(issuer, last, not pending, pending, awaited)

    def _is_awaited(self, issuer: ListIssuer, last: StoredList | None) -> bool:
        """Whether a number was taken, or what is revoked is not on the ``last`` list, however that came."""
        if self.ledger.revocations.taken_number(issuer.identifier) is not None:
            return True
        listed = last.serials if last else frozenset()
        return any(entry.serial not in listed for entry in self._entries(issuer))

    def _entries(self, issuer: ListIssuer) -> list[RevokedCertificate]:
        """The entries of a list. What has ended stays on one of the time after that (RFC 5280, section 3.3)."""
        return self.ledger.revocations.revoked_under(issuer.certificates, self.now - issuer.validity)

    def _sign_list(self, issuer: ListIssuer) -> ListOutcome:
        planned = self._planned_list(issuer)
        if not planned.signed:
            return planned
        revocations, key, signer = self.ledger.revocations, issuer.identifier, self._list_signer(issuer)
        with self.ledger.transaction():
            taken, published = revocations.taken_number(key), self._published[key].number
            number = taken if taken and taken > published else revocations.take_number(key, self.now, published)
            signed = sign_list(signer, self._entries(issuer), number, self.now + issuer.validity, self.now)
            revocations.store_list(key, signed)
        return ListOutcome(issuer, revocations.last_list(key), signed=True)

    def sign_responses(self) -> ResponsesOutcome:
        """Sign the responses that are due: of revoked leaves, and where there is a folder of all leaves."""
        signed, pending = 0, ""
        for issuer in self._issuing:
            due = self._due_responses(issuer)
            reason = _reason(self._responder, issuer) if due else ""
            if due and not reason:
                self._sign_responses(due, issuer)
                signed += len(due)
            pending = pending or reason
        return ResponsesOutcome(signed, pending)

    def _due_responses(self, issuer: IssuingAuthority) -> list[DueResponse]:
        return self.ledger.revocations.due_responses(issuer.sha256, self.now, self.folder is not None)

    def _sign_responses(self, due: Sequence[DueResponse], issuer: IssuingAuthority) -> None:
        responder, days = self._responder(issuer), self.authority.policy.lifetimes.staple
        for start in range(0, len(due), BATCH):
            rows = list(sign_responses(due[start : start + BATCH], issuer, responder, days, self.now))
            with self.ledger.transaction():
                self.ledger.revocations.store_responses(rows)

    def publish_lists(self) -> tuple[tuple[ListOutcome, ...], set[str]]:
        """Sign the lists that are due, and publish them before responses, of which there are many; the paths of the
        files that changed."""
        # First, whatever comes of all else: rather no answer than one that says good.
        changed = set(self._remove_ended())
        self._check_published()
        lists = self.sign_lists()
        if self.folder is None:
            return lists, changed
        changed.update(self._write(self.folder, self._list_files(lists)))
        with self.ledger.transaction():
            for outcome in lists:
                if outcome.last is not None and outcome.last.published_at is None:
                    number = outcome.last.signed.number
                    self.ledger.revocations.mark_list_published(outcome.issuer.identifier, number, self.now)
        return lists, changed

    def publish_responses(self, lists: Sequence[ListOutcome], responses: ResponsesOutcome) -> set[str]:
        """Publish the responses that were signed, and enter what is published as a whole with the ``lists`` that were;
        the paths of the files that changed."""
        if self.folder is None:
            return set()
        changed = self._write(self.folder, self._response_files())
        changed.update(self._remove_ended())  # what another run entered meanwhile, too
        with self.ledger.transaction():
            self.ledger.revocations.forget_responses(self.now)
            for outcome in lists:
                if not self._is_incomplete(outcome, responses):
                    self.ledger.revocations.mark_published(outcome.issuer.certificates, self.now)
        return changed

    def _write(self, folder: Path, files: Mapping[str, bytes]) -> set[str]:
        """Write those of ``files`` that are to be written; their paths."""
        written = differing(folder, files)
        write_tree(folder, written)
        return set(written)

    def _is_incomplete(self, outcome: ListOutcome, responses: ResponsesOutcome) -> bool:
        """Whether something that tells what an issuer has revoked is still to come, also of what another run entered
        while this one published."""
        pending = outcome.pending or (outcome.issuer.signs_leaves and responses.pending)
        return bool(pending) or self.ledger.revocations.taken_number(outcome.issuer.identifier) is not None

    @cached_property
    def _published(self) -> dict[str, PublishedList]:
        """The list that is published of each issuer, by the identifier of its key, as it was before this run."""
        return published_lists(self.folder, self.issuers, self.ledger.revocations)

    def _check_published(self, planned: Collection[int] = ()) -> None:
        check_published(self.folder, self._published, self.issuers, self.ledger, planned)

    def _differing(self, lists: Sequence[ListOutcome]) -> dict[str, bytes]:
        """What is to be written, by its path in the folder."""
        return differing(self.folder, {**self._list_files(lists), **self._response_files()}) if self.folder else {}

    def _list_files(self, lists: Sequence[ListOutcome]) -> dict[str, bytes]:
        """The lists and their issuers, by their paths."""
        files: dict[str, bytes] = {}
        for outcome in lists:
            key, certificate = outcome.issuer.identifier, outcome.issuer.signer.certificate
            files[issuer_path(key)] = certificate.public_bytes(serialization.Encoding.DER)
            if outcome.last is not None:
                files[list_path(key)] = outcome.last.signed.der
        return files

    def _response_files(self) -> dict[str, bytes]:
        """The valid responses, by their paths."""
        return {
            response_path(leaf, issuer.certificate, digest): der
            for issuer in self._issuing
            for leaf, digest, der in self.ledger.revocations.responses(issuer.sha256, self.now)
        }

    def _remove_ended(self) -> list[str]:
        """Remove the published responses that are to go; their paths in the folder."""
        ended = self._ended()
        if self.folder is not None:
            remove_files(self.folder, ended)
        return ended

    def _ended(self) -> list[str]:
        """The published responses that are to go, by their paths in the folder."""
        if self.folder is None or not (self.folder / RESPONSES).exists():
            return []
        paths = [
            response_path(leaf, issuer.certificate, digest)
            for issuer in self._whole.issuers
            for leaf, digest in self.ledger.revocations.ended_responses(issuer.sha256, self.now)
        ]
        return present(self.folder, paths)

    def _list_signer(self, issuer: ListIssuer) -> Signer:
        key = issuer.signer.key(self.passphrases.authority, "passphrase", self.passphrases.tokens)
        return Signer(issuer.signer.certificate, key)

    def _responder(self, issuer: IssuingAuthority) -> Signer:
        responder = issuer.responder_at(self.now)
        return Signer(responder.certificate, responder.key(self.passphrases.responder, "responder_passphrase"))


def publish_root(passphrases: Passphrases, folder: Path, now: datetime, authority: Authority, ledger: Ledger) -> None:
    """Publish the roots that were never published, before certificates say where they are. Raises PkiError."""
    issuers = list_issuers(authority, {}, now)
    if not all(issuer.signs_leaves or ledger.revocations.is_published(issuer.identifier) for issuer in issuers):
        with publishing(authority.folder):
            RevocationTransaction(authority, passphrases, ledger, folder, now).carry_out(NOTHING)


def _reason(opened: Callable[[Issuer], Signer], issuer: Issuer) -> str:
    """Why nothing can be signed now with the key that ``opened`` opens, an empty string where it can. Raises
    PassphraseError: whoever gave a wrong one is there to correct it."""
    try:
        opened(issuer)
    except PassphraseError:
        raise
    except PkiError as error:
        return str(error)
    return ""
