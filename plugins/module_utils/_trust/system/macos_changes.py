# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes of a Mac's trust settings, and what is made of one that goes wrong.

macOS begins a record of trust settings anew that it cannot read, without the entries of others. So the domain is
exported to a file before a write, and again afterwards, each in a process of its own: whatever became of the one that
wrote, the former export is here, and what was lost of it is put back by a further one, beside what others changed
since. No write is tried a second time, and nobody is asked again who did not confirm one.
"""

from __future__ import annotations

import base64
import hashlib
import plistlib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from xml.parsers.expat import ExpatError

from ansible_collections.anchorage.pki.plugins.module_utils._host.commands import NotFinished
from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import Any, NamedTuple
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError, UserNeeded
from ansible_collections.anchorage.pki.plugins.module_utils._macos.attempts import PAUSES, answers_of, worth_of_reading
from ansible_collections.anchorage.pki.plugins.module_utils._macos.codes import sentence
from ansible_collections.anchorage.pki.plugins.module_utils._macos.helper import Mac, ask
from ansible_collections.anchorage.pki.plugins.module_utils._macos.trust_settings import USER
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.macos_export import (
    drop_export,
    keep_export,
    way_back,
)

# A person canceled it, or could not be asked.
_PERSON = (-128, -60006, -25308)
# Where a person was asked: the passwords were wrong.
_WRONG_PASSWORD = (-60005, -25293)
_NO_SUCH_KEYCHAIN = -25294
_UNKNOWN = "What became of other entries, macOS does not say."


class Former(NamedTuple):
    """A domain before a change: its export, None for an empty one, the ``entries`` in it by the SHA-1 of their
    certificates in upper-case hexadecimal, and those of the anchors that the keychain had, in base64."""

    export: bytes | None
    entries: dict[str, object]
    held: list[str]


class Changes:
    """All changes of a domain and its keychain in a run. Times are in seconds, for what only reads, and for a person.

    ``is_asked`` says whether macOS asks a person before each, ``may_empty`` whether the last entry can be removed.
    ``folder`` has the exports that are kept.
    """

    def __init__(
        self,
        mac: Mac,
        domain: int,
        keychain: str,
        folder: str,
        is_asked: bool,
        may_empty: bool,
        reading: float,
        patience: float,
        pauses: tuple[float, ...] = PAUSES,
    ) -> None:
        self._mac, self._domain, self._keychain, self._folder = mac, domain, keychain, folder
        self._is_asked, self._may_empty = is_asked, may_empty
        self._reading, self._patience = reading, patience
        self._pauses = pauses
        self._unconfirmed = ""  # what a person did not confirm, in words
        self._is_late = False  # and nobody canceled it
        # What check mode foresees: the entries that came and went by then.
        self._foreseen: set[str] = set()
        self._foregone: set[str] = set()

    def trust(self, der: bytes) -> Former:
        """Have the domain trust a certificate: what it was before. Raises UserNeeded where only a person is missing,
        and nothing was changed, HostError for all else; what was changed then is undone."""
        former = self._look([der])
        kept = self._keep(former)
        error = self._write("trust_certificate", der=_text(der), domain=self._domain, keychain=self._keychain)
        entries = self._entries_after(former.entries)
        has_written = self._has_written({_name(der)}, former, entries)
        lost = [] if entries is None else sorted(former.entries.keys() - entries.keys())
        if has_written and self._is_late:
            error = None  # confirmed at the last moment: what is there is looked at as ever
        if entries is None:
            error = HostError(f"{error or 'Trust settings were written.'} {_UNKNOWN}")
        elif lost:
            error = HostError(_loss(lost))
        elif error and not has_written:
            self._drop(kept)
            try:
                self._clear([der], former)
            except HostError as failure:
                raise HostError(f"{error} {failure}") from failure
            raise error
        if error is None:
            self._drop(kept)
            return former
        try:
            self.take_back(former, der)
        except HostError as failure:
            raise HostError(f"{error} {failure}") from failure
        raise HostError(f"{error} The trust settings were put back: run it again when nothing else changes them.")

    def take_back(self, former: Former, der: bytes) -> None:
        """Undo what :meth:`trust` did: the own entry is as it was, and those of others are there. Raises HostError,
        with where the export is kept then."""
        kept = self._keep(former)
        self._put_back(former, [der], former.entries, kept)
        self._drop(kept)
        self._clear([der], former)

    def plan_trust(self, der: bytes) -> None:
        """Have :meth:`plan_removal` know of a certificate that would be trusted by then."""
        self._foreseen.add(_name(der))
        self._foregone.discard(_name(der))

    def plan_removal(self, ders: Sequence[bytes]) -> bool:
        """Whether a person would be asked for a removal. Raises HostError where there can be none, as after those that
        were planned before."""
        own = {_name(der) for der in ders}
        entries = (self._look(ders).entries.keys() - self._foregone) | self._foreseen
        self._require_others(entries, own)
        self._foregone |= own
        self._foreseen -= own
        return self._is_asked and bool(own & entries)

    def remove(self, ders: Sequence[bytes]) -> None:
        """Remove certificates from the domain, and then from the keychain. Raises errors as :meth:`trust` does; only
        the entries of others are put back."""
        former, own = self._look(ders), {_name(der) for der in ders}
        self._require_others(former.entries.keys(), own)
        kept = self._keep(former)
        error = self._write("forget_certificates", ders=[_text(der) for der in ders], domain=self._domain)
        entries = self._entries_after(former.entries)
        if entries is None:
            raise HostError(f"{error or 'Trust settings were removed.'} {_UNKNOWN} {self._told(kept)}")
        has_written = self._has_written(own, former, entries)
        if has_written and self._is_late and not own & entries.keys():
            error = None  # all of it was confirmed, the last at the last moment
        lost = sorted(former.entries.keys() - own - entries.keys())
        if lost:
            try:
                self._put_back(former, ders, {}, kept)
            except HostError as failure:
                raise HostError(f"{_loss(lost)} {failure}") from failure
        self._drop(kept)
        if error and not lost:
            raise HostError(str(error)) if has_written and not self._unconfirmed else error
        deletion = self._write("delete_certificates", ders=[_text(der) for der in ders], keychain=self._keychain)
        if deletion:
            raise deletion
        if lost:
            raise HostError(f"{_loss(lost)} They were put back, and what was to go is gone.")

    def _put_back(
        self, former: Former, ders: Sequence[bytes], own_former: Mapping[str, object], kept: Path | None
    ) -> None:
        """Have the entries of certificates as in ``own_former``, those of others that were lost back, and leave alone
        what others changed since. Raises HostError, with where the export is kept then."""
        try:
            now = self._look([])
            own = {_name(der) for der in ders}
            theirs = {name: entry for name, entry in now.entries.items() if name not in own}
            lost = {name: entry for name, entry in former.entries.items() if name not in {*own, *theirs}}
            wanted = {**theirs, **lost, **{name: own_former[name] for name in own if name in own_former}}
            if wanted == now.entries:
                return
            if wanted == theirs:
                error = self._forget(ders, theirs)
            else:
                # Of one that is empty now, there is no export to put them into.
                error = self._import(now.export or former.export or b"", wanted)
            self._require_reached(now.entries, wanted, own, error)
        except HostError as failure:
            raise HostError(f"They could not be put back: {failure} {self._told(kept)}") from failure

    def _forget(self, ders: Sequence[bytes], theirs: Mapping[str, object]) -> HostError | None:
        if not theirs and not self._may_empty:
            raise HostError("Nothing else would be in the trust settings, and macOS lets nobody empty them unattended.")
        return self._write("forget_certificates", ders=[_text(der) for der in ders], domain=self._domain)

    def _import(self, export: bytes, entries: Mapping[str, object]) -> HostError | None:
        whole = plistlib.dumps({**plistlib.loads(export), "trustList": entries})
        return self._write("restore_settings", export=_text(whole), domain=self._domain)

    def _require_reached(
        self, before: Mapping[str, object], wanted: Mapping[str, object], own: set[str], error: HostError | None
    ) -> None:
        """Raises HostError where the entries are not as ``wanted`` after a write, whatever that said: its ``error``."""
        entries = self._entries_after(before)
        if entries is None:
            raise error or HostError(f"They were written. {_UNKNOWN}")
        astray = (wanted.keys() - entries.keys()) | ((entries.keys() & own) - wanted.keys())
        if astray:
            raise error or HostError(f"macOS says that it did, and has others (SHA-1 {', '.join(sorted(astray))}).")

    def _keep(self, former: Former) -> Path | None:
        """The file with what a write may lose, for whoever comes after a run that is killed."""
        return keep_export(self._folder, self._domain, former.export) if former.export else None

    def _told(self, kept: Path | None) -> str:
        return way_back(self._domain, kept) if kept else ""

    def _drop(self, kept: Path | None) -> None:
        if kept:
            drop_export(kept)

    def _look(self, ders: Sequence[bytes]) -> Former:
        arguments = {"ders": [_text(der) for der in ders], "domain": self._domain, "keychain": self._keychain}
        answer = answers_of(
            lambda: ask(self._mac, "export_settings", arguments, self._reading), worth_of_reading, self._pauses
        )[-1]
        if answer["failure"]:
            raise HostError(sentence(answer["failure"]))
        export = None if answer["export"] is None else base64.b64decode(answer["export"])
        return Former(export, _parsed(export), answer["held"])

    def _entries_after(self, before: Mapping[str, object]) -> dict[str, object] | None:
        """The domain's entries after a write; None where macOS does not give them.

        What a person confirms at the last moment is perhaps written by a service, a moment after the process that asked
        for it was stopped. So they are looked at once more where they are still as ``before``.
        """
        answers = answers_of(
            self._entries, lambda entries: 2 if self._is_late and entries == before else 1, self._pauses
        )
        return answers[-1]

    def _entries(self) -> dict[str, object] | None:
        try:
            return self._look([]).entries
        except HostError:
            return None

    def _has_written(self, own: set[str], former: Former, entries: dict[str, object] | None) -> bool:
        """Whether a write changed entries of its own certificates, as far as that is known: then a person has confirmed
        one that was not finished, if late. One that was canceled stays so."""
        has_written = entries is not None and any(entries.get(name) != former.entries.get(name) for name in own)
        if has_written and self._is_late:
            self._unconfirmed = ""
        return has_written

    def _require_others(self, entries: Collection[str], own: Collection[str]) -> None:
        if entries and not self._may_empty and set(entries) <= set(own):
            raise HostError(
                "macOS asks a person before it removes the last entry of the administrator's trust settings, and would "
                "wait for ever. Nothing was removed: have a person at the screen remove it in Keychain Access."
            )

    def _clear(self, ders: Sequence[bytes], former: Former) -> None:
        """Delete from the keychain those of the certificates that it had not before."""
        new = [der for der in map(_text, ders) if der not in former.held]
        if new:
            self._succeed("delete_certificates", ders=new, keychain=self._keychain)

    def _write(self, operation: str, **arguments: Any) -> HostError | None:
        """Have macOS write, once: what went wrong, UserNeeded where only a person can have it go well."""
        if self._unconfirmed:
            return UserNeeded(f"Nobody is asked a second time in a run. {self._unconfirmed}")
        self._is_late = False
        try:
            failure = ask(self._mac, operation, arguments, self._patience)["failure"]
        except NotFinished as error:
            if not self._is_asked:
                return error
            self._is_late = True
            self._unconfirmed = (
                f"Nobody at the screen confirmed it within {self._patience:g} seconds. Run the task again when "
                "somebody is there. Where a keychain is locked, its password is asked for, too."
            )
            return UserNeeded(self._unconfirmed)
        except HostError as error:
            return HostError(f"The write was cut off: {error}")
        return self._error(failure) if failure else None

    def _error(self, failure: dict[str, Any]) -> HostError:
        """What a write failed of."""
        code, said = failure["code"], sentence(failure)
        if code in _PERSON or (code in _WRONG_PASSWORD and self._is_asked):
            self._unconfirmed = said
        is_persons = self._unconfirmed or (code == _NO_SUCH_KEYCHAIN and self._domain == USER)
        return (UserNeeded if is_persons else HostError)(said)

    def _succeed(self, operation: str, **arguments: Any) -> dict[str, Any]:
        """The answer about what no person is asked for. Raises HostError."""
        answer: dict[str, Any] = ask(self._mac, operation, arguments, self._reading)
        if answer["failure"]:
            raise HostError(sentence(answer["failure"]))
        return answer


def _parsed(export: bytes | None) -> dict[str, object]:
    """The entries of an export. Raises HostError: nothing may be written where nobody could see afterwards what was
    lost."""
    try:
        return {} if export is None else dict(plistlib.loads(export)["trustList"])
    except (AttributeError, ExpatError, KeyError, TypeError, ValueError) as error:
        raise HostError("macOS exports the trust settings in a form that is not known.") from error


def _loss(lost: Sequence[str]) -> str:
    return f"macOS lost other entries of its trust settings as it wrote them (SHA-1 {', '.join(lost)})."


def _name(der: bytes) -> str:
    return hashlib.sha1(der).hexdigest().upper()  # noqa: S324 - it is the name of an entry


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()
