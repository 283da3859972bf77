# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""JSON files of policies that administrators own too: one entry of ours goes in, and comes out without a trace.

A record of each file that is changed lies apart: what the file was before, and which entries are ours. With it, the
last removal puts the former file back byte for byte, or takes out of a file that others have edited since no more than
was put in. A record is of use only as long as an entry of ours is in the file; without one, lists and objects that a
removal leaves empty go as well.
"""

from __future__ import annotations

import copy
import json
import os
import re
import stat
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import Any, dataclass, field
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import Attributes
from ansible_collections.anchorage.pki.plugins.module_utils._trust.files import read_regular
from ansible_collections.anchorage.pki.plugins.module_utils._trust.settings import Settings
from ansible_collections.anchorage.pki.plugins.module_utils._trust.writing import write_file

RECORDS = "/var/lib/anchorage/policies"
_PUBLIC = Attributes(0o644)
_PRIVATE = Attributes(0o600)  # a record repeats what may be closed to others
DEEPEST = 200  # levels of lists and objects: far more than policies have, and fewer than Python can write
_INDENT = re.compile(r"\s*\{\r?\n([ \t]+)")

Keys = tuple[str, ...]  # the way from the top of a file to a list in it


@dataclass(frozen=True)
class PolicyFile:
    """A file of the host, which need not exist. Links are followed: the file at their end is the one to change."""

    path: str
    settings: Settings

    @property
    def real(self) -> Path:
        return Path(os.path.realpath(self.path))

    @property
    def record(self) -> Path:
        name = os.path.relpath(self.real, os.path.realpath(self.settings.root)).replace("-", "--").replace(os.sep, "-")
        return Path(self.settings.path(RECORDS), name)


@dataclass(frozen=True)
class Record:
    """What a file held (None where it was missing), which folders were made for it, and what was put in."""

    before: str | None
    folders: list[str]
    entries: list[Any] = field(default_factory=list)  # pairs of keys and entry

    @property
    def policies(self) -> dict[str, Any]:
        return json.loads(self.before) if self.before is not None else {}


def mentions(file: PolicyFile, keys: Keys) -> bool:
    """Whether the file may set what is at ``keys``, valid JSON or not."""
    content = read_regular(file.path) or b""
    return all(f'"{key}"'.encode() in content for key in keys)


def read_policies(file: PolicyFile) -> dict[str, Any]:
    """The policies in a file, none where it is missing.

    Raises OSError, and HostError for what is no JSON object, or one that could not be written again without a loss.
    """
    text = _read_text(file)
    if text is None:
        return {}
    too_deep = f"{file.path} is nested too deeply: fix or move the file."
    try:
        policies = json.loads(text, object_pairs_hook=lambda pairs: _object(file, pairs))
    except ValueError as error:
        raise HostError(f"{file.path} is not valid JSON ({error}): fix or move the file.") from error
    except RecursionError as error:
        raise HostError(too_deep) from error
    if _depth(policies) > DEEPEST:
        raise HostError(too_deep)
    if not isinstance(policies, dict):
        raise HostError(f"{file.path} holds no JSON object: fix or move the file.")
    return policies


def _object(file: PolicyFile, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    twice = [key for key, count in Counter(key for key, _value in pairs).items() if count > 1]
    if twice:
        raise HostError(f"{file.path} has the key {json.dumps(twice[0])} twice in one object: fix the file.")
    return dict(pairs)


def _depth(value: Any) -> int:
    """How many lists and objects lie in each other."""
    depth, level = 0, [value]
    while containers := [each for each in level if isinstance(each, (dict, list))]:
        depth += 1
        level = [inner for each in containers for inner in (each.values() if isinstance(each, dict) else each)]
    return depth


def entries_of(file: PolicyFile, policies: dict[str, Any], keys: Keys) -> list[Any]:
    """The list at ``keys``, empty where it is missing. Raises HostError where something else stands on the way."""
    place: Any = policies
    for depth, key in enumerate(keys, 1):
        kind = list if depth == len(keys) else dict
        place = place.get(key, kind())
        if not isinstance(place, kind):
            kinds = {list: "a list", dict: "an object"}
            raise HostError(f"{file.path}: {'.'.join(keys[:depth])} is not {kinds[kind]}: fix the file.")
    return list(place)


def add_entry(file: PolicyFile, keys: Keys, entry: Any, undo: ExitStack) -> None:
    """Put ``entry`` at the end of the list at ``keys``. Raises HostError, OSError; ``undo`` learns the way back."""
    policies = read_policies(file)
    if entry in entries_of(file, policies, keys):
        return
    record = _live_record(file, policies) or Record(_read_text(file), _missing_folders(file))
    undo.callback(_remove_folders, [*record.folders, *_folders_of_records(file)])
    former = read_regular(str(file.record))
    undo.callback(_replace, file.record, former.decode() if former is not None else None, _PRIVATE)
    _keep_record(file, Record(record.before, record.folders, [*record.entries, [list(keys), entry]]))
    undo.callback(_replace, file.real, _read_text(file))
    _replace(file.real, _format(_with_entry(policies, keys, entry), record.before))


def drop_entries(file: PolicyFile, keys: Keys, unwanted: Callable[[Any], bool]) -> None:
    """Take out each entry of the list at ``keys`` that is ``unwanted``. Raises HostError, OSError."""
    policies = read_policies(file)
    entries = entries_of(file, policies, keys)
    kept = [entry for entry in entries if not unwanted(entry)]
    if kept == entries:
        return
    record = _live_record(file, policies)
    before = record.policies if record else {}
    changed = _with_list(policies, keys, kept, before)
    ours = [[way, entry] for way, entry in record.entries if entry in _look(changed, way)] if record else []
    if ours and record:
        _replace(file.real, _format(changed, record.before))
        _keep_record(file, Record(record.before, record.folders, ours))
        return
    _replace(file.real, _former_or(changed, file, record))
    file.record.unlink(missing_ok=True)
    _remove_folders([*_folders_of_records(file), *(record.folders if record else [])])


def _former_or(policies: dict[str, Any], file: PolicyFile, record: Record | None) -> str | None:
    """The text with which nothing of ours is left: the former one where that says the same, to the order of its keys.
    None stands for no file."""
    former = record.policies if record else {}
    if json.dumps(policies) != json.dumps(former):
        return _format(policies, _read_text(file))
    return record.before if record else None


def _live_record(file: PolicyFile, policies: dict[str, Any]) -> Record | None:
    """The record, if any of its entries is still in the file; else it describes a file that was replaced since."""
    content = read_regular(str(file.record))
    if content is None:
        return None
    try:
        record = Record(**json.loads(content))
        live = [entry for keys, entry in record.entries if entry in _look(policies, keys)]
        record.policies  # noqa: B018 (a record that cannot be read is none)
    except (ValueError, TypeError):
        return None
    return record if live else None


def _keep_record(file: PolicyFile, record: Record) -> None:
    _replace(
        file.record,
        json.dumps({"before": record.before, "folders": record.folders, "entries": record.entries}),
        _PRIVATE,
    )


def _folders_of_records(file: PolicyFile) -> list[str]:
    return [str(folder) for folder in list(file.record.parents)[:2]]


def _missing_folders(file: PolicyFile) -> list[str]:
    """The folders that are still to be made for the file, the innermost first."""
    return [str(folder) for folder in file.real.parents if not folder.exists()]


def _remove_folders(folders: list[str]) -> None:
    """Those that are empty: what others have put into ours since stays."""
    for folder in folders:
        with suppress(OSError):
            os.rmdir(folder)


def _look(policies: Any, keys: list[str]) -> list[Any]:
    """The list at ``keys``, empty where there is none."""
    for key in keys:
        policies = policies.get(key) if isinstance(policies, dict) else None
    return policies if isinstance(policies, list) else []


def _with_entry(policies: dict[str, Any], keys: Keys, entry: Any) -> dict[str, Any]:
    changed = copy.deepcopy(policies)
    place = changed
    for key in keys[:-1]:
        place = place.setdefault(key, {})
    place.setdefault(keys[-1], []).append(entry)
    return changed


def _with_list(policies: dict[str, Any], keys: Keys, entries: list[Any], before: Any) -> dict[str, Any]:
    """``policies`` with these ``entries`` at ``keys``, and without what is empty then and was not there ``before``."""
    key, deeper = keys[0], keys[1:]
    known = isinstance(before, dict) and key in before
    value = _with_list(policies[key], deeper, entries, before[key] if known else {}) if deeper else entries
    if not value and not known:
        return {name: policy for name, policy in policies.items() if name != key}
    return {**policies, key: value}


def _format(policies: dict[str, Any], model: str | None) -> str:
    """JSON in the layout of ``model``: its indentation, or all in one line."""
    if model is None:
        return json.dumps(policies, indent=2, ensure_ascii=False) + "\n"
    indent = _INDENT.match(model)
    text = json.dumps(policies, indent=indent.group(1) if indent else None, ensure_ascii=False)
    # Half a pair of surrogates, which JSON allows as an escape only, becomes one again.
    return text.encode(errors="backslashreplace").decode() + ("\n" if model.endswith("\n") else "")


def _read_text(file: PolicyFile) -> str | None:
    content = read_regular(file.path)
    if content is None:
        if os.path.lexists(file.path):
            raise HostError(f"{file.path} cannot be read: make it a regular file, or move it.")
        return None
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise HostError(f"{file.path} is not UTF-8: fix or move the file.") from error


def _replace(path: Path, text: str | None, attributes: Attributes = _PUBLIC) -> None:
    """Write a file in one step, with the mode and owner that it has where it is there; None removes it."""
    if text is None:
        path.unlink(missing_ok=True)
        return
    if path.exists():
        status = path.stat()
        attributes = Attributes(stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid)
    write_file(path, text.encode(), attributes)
