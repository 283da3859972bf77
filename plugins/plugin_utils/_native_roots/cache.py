# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's native roots, read once in a run.

The run's folder holds one small state, which a refresh replaces, and what it refers to by a digest: the roots, and the
facts of their certificates once somebody asked for them. These never change, so that the state, roots and facts that
one reader sees always belong together.
"""

from __future__ import annotations

import hashlib
import json
import ssl
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._native_roots.load import (
    PLATFORM,
    NativeRoots,
    load,
    require_no_errors,
    require_roots,
    require_whole,
)
from ansible_collections.anchorage.pki.plugins.module_utils._native_roots.locations import (
    FILE_VARIABLE,
    FOLDER_VARIABLE,
)
from ansible_collections.anchorage.pki.plugins.module_utils._x509.certificate_facts import describe
from ansible_collections.anchorage.pki.plugins.module_utils._x509.pem_block import from_pem, to_pem
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._native_roots.mozilla import mozilla_file
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.run_cache import (
    read_value,
    share_value,
    write_text,
)

CERTIFI = "certifi"


class State(TypedDict):
    """When the load ``started`` (time.monotonic()), its ``failure`` or None, its ``report``, and the ``digest`` of the
    roots, empty where there are none. After a failed refresh: the former report and digest, and why it failed."""

    started: float
    failure: str | None
    report: Any
    digest: str


@dataclass(frozen=True)
class NativeRootsCache:
    """The roots of one source, read by ``load``. ``run_folder`` is the run's own temporary folder."""

    run_folder: Path
    source: str
    environment: Mapping[str, str]
    load: Callable[..., NativeRoots] = load

    def state(self, strict: bool) -> State:
        """The state, after the run's first load if necessary.

        Raises PkiError where that failed, with the same message in the whole run, and where ``strict`` forbids errors.
        """
        state = share_value(self._state_file, lambda state: True, lambda former: self._loaded_state())
        return _require_usable(state, strict)

    def refreshed_state(self, strict: bool) -> State:
        """The state after a load that began after this call; of concurrent refreshes, one loads for all.

        Where that load fails, the former roots stay and the state has a ``failure``. Errors count as a failure where
        ``strict`` forbids them and the former load had none. Raises PkiError as :meth:`state` does.
        """
        asked = time.monotonic()
        state = share_value(
            self._state_file,
            lambda state: state["started"] >= asked,
            lambda former: _state_after_refresh(former, self._loaded_state(), strict),
        )
        return _require_usable(state, strict)

    def pems(self, state: State) -> list[str]:
        """The roots of a state in PEM."""
        return [pem for pem, dummy in self._roots(state)]

    def certificates(self, state: State) -> list[dict[str, Any]]:
        """The facts of the roots of a state, read from the certificates on first use."""
        return share_value(
            self._folder / f"{state['digest']}.certificates.json",
            lambda rows: True,
            lambda former: [describe(from_pem(pem), sources) for pem, sources in self._roots(state)],
        )

    def bundle(self, pems: list[str]) -> dict[str, Any]:
        """The ``path`` of a file with these certificates, which stays as it is until the run ends.

        Those that OpenSSL cannot parse are left out, and listed in ``refused`` by SHA-256: one of them would make it
        refuse the whole file. Raises PkiError where no other is left.
        """
        digest = _digest("".join(pems))
        return share_value(
            self._folder / f"{digest}.bundle.json",
            lambda bundle: True,
            lambda former: _write_bundle(self._folder / f"{digest}.pem", pems),
        )

    @property
    def _folder(self) -> Path:
        return self.run_folder / "anchorage.pki"

    @property
    def _state_file(self) -> Path:
        variables = [self.environment.get(name) for name in (FILE_VARIABLE, FOLDER_VARIABLE)]
        return self._folder / f"{_digest(json.dumps([sys.platform, self.source, *variables]))}.json"

    def _roots(self, state: State) -> list[tuple[str, list[str]]]:
        return read_value(self._roots_file(state["digest"]))

    def _roots_file(self, digest: str) -> Path:
        return self._folder / f"{digest}.roots.json"

    def _loaded_state(self) -> State:
        started = time.monotonic()
        try:
            loaded = self._read()
            require_roots(loaded.report)
        except (HostError, PkiError) as error:
            return {"started": started, "failure": str(error), "report": None, "digest": ""}
        content = json.dumps([(to_pem(der), sources) for der, sources in loaded.roots.items()])
        digest = _digest(content)
        write_text(self._roots_file(digest), content)
        return {"started": started, "failure": None, "report": loaded.report, "digest": digest}

    def _read(self) -> NativeRoots:
        if self.source != CERTIFI:
            return self.load(self.source, self.environment, temporary_folder=str(self.run_folder))
        loaded = self.load(PLATFORM, {FILE_VARIABLE: str(mozilla_file())})
        return loaded._replace(report={**loaded.report, "source": CERTIFI, "variables": {}})


def _write_bundle(path: Path, pems: list[str]) -> dict[str, Any]:
    refused = [] if _is_loaded_by_openssl("".join(pems)) else [pem for pem in pems if not _is_loaded_by_openssl(pem)]
    if len(refused) == len(pems):
        raise PkiError("OpenSSL can parse none of the certificates, and an empty bundle would trust nobody.")
    write_text(path, "".join(pem for pem in pems if pem not in refused))
    return {
        "path": str(path),
        "refused": [hashlib.sha256(from_pem(pem)).hexdigest() for pem in refused],
    }


def _is_loaded_by_openssl(pem: str) -> bool:
    """Whether Python's OpenSSL accepts the certificates in ``pem`` as anchors."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=pem)
    except ssl.SSLError:
        return False
    return True


def _require_usable(state: State, strict: bool) -> State:
    if not state["digest"]:
        raise PkiError(state["failure"])
    if strict and (errors := _errors(state)):
        raise PkiError(f"{errors} The refresh failed as well: {state['failure']}" if state["failure"] else errors)
    return state


def _errors(state: State) -> str | None:
    """What could not be read, as a sentence."""
    return _complaint(require_no_errors, state["report"])


def _complaint(require: Callable[[Any], None], report: Any) -> str | None:
    """What a requirement has against a report."""
    try:
        require(report)
    except HostError as error:
        return str(error)
    return None


def _state_after_refresh(former: State | None, loaded: State, strict: bool) -> State:
    """The loaded state, unless the former one is better: it has roots and the loaded one has none, or only a part of
    them, or has errors that ``strict`` forbids, and the former one had not."""
    if former is None or not former["digest"]:
        return loaded
    failure = loaded["failure"]
    if not failure and not former["report"]["partial"]:
        failure = _complaint(require_whole, loaded["report"])
    if strict and not failure and not former["report"]["errors"]:
        failure = _errors(loaded)
    return {**former, "started": loaded["started"], "failure": failure} if failure else loaded


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
