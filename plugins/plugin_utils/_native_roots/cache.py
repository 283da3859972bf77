# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's native roots, read once in a run.

In the run's folder lie one small state, which a refresh swaps, and what it points to by a digest: the roots, and the
facts of their certificates once somebody asked for them. The latter never change, so that state, roots and facts of one
reader always belong together.
"""

from __future__ import annotations

import hashlib
import json
import ssl
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._native_roots.load import (
    PLATFORM,
    NativeRoots,
    load,
    require_flawless,
    require_some,
)
from ansible_collections.anchorage.pki.plugins.module_utils._native_roots.locations import (
    FILE_VARIABLE,
    FOLDER_VARIABLE,
)
from ansible_collections.anchorage.pki.plugins.module_utils._x509.certificate_facts import describe, to_pem
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
    roots, empty where there are none. After a refresh that failed: the former report and digest, and why it failed."""

    started: float
    failure: str | None
    report: Any
    digest: str


@dataclass(frozen=True)
class NativeRootsCache:
    """The roots of one source. ``run_folder`` is the run's own temporary folder."""

    run_folder: Path
    source: str
    environment: Mapping[str, str]

    def state(self, strict: bool) -> State:
        """The state, after the run's first load if need be.

        Raises PkiError with the same message all over the run where that failed, and where ``strict`` forbids errors.
        """
        return _accepted(share_value(self._state_file, lambda state: True, lambda former: self._load()), strict)

    def refreshed_state(self, strict: bool) -> State:
        """The state after a load that began after this call; of refreshes that wait for each other, one loads.

        Where that load fails, the former roots stay and the state has a ``failure``. That it has errors is a failure
        where ``strict`` forbids them and the former one had none. Raises PkiError as :meth:`state`.
        """
        asked = time.monotonic()
        return _accepted(
            share_value(
                self._state_file,
                lambda state: state["started"] >= asked,
                lambda former: _better(former, self._load(), strict),
            ),
            strict,
        )

    def pems(self, state: State) -> list[str]:
        """The roots of a state in PEM."""
        return [pem for pem, dummy in self._roots(state)]

    def certificates(self, state: State) -> list[dict[str, Any]]:
        """The facts of the roots of a state, read from the certificates when they are asked for first."""
        return share_value(
            self._folder / f"{state['digest']}.certificates.json",
            lambda rows: True,
            lambda former: [describe(ssl.PEM_cert_to_DER_cert(pem), sources) for pem, sources in self._roots(state)],
        )

    def bundle(self, pems: list[str]) -> dict[str, Any]:
        """The ``path`` of a file with these certificates, which stays as it is until the run ends.

        Without those, ``refused`` by their SHA-256, that OpenSSL cannot parse: for one of them, it would refuse the
        whole file. Raises PkiError where there is no other.
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

    def _load(self) -> State:
        started = time.monotonic()
        try:
            loaded = self._read()
            require_some(loaded.report)
        except (HostError, PkiError) as error:
            return {"started": started, "failure": str(error), "report": None, "digest": ""}
        content = json.dumps([(to_pem(der), sources) for der, sources in loaded.roots.items()])
        digest = _digest(content)
        write_text(self._roots_file(digest), content)
        return {"started": started, "failure": None, "report": loaded.report, "digest": digest}

    def _read(self) -> NativeRoots:
        if self.source != CERTIFI:
            return load(self.source, self.environment, temporary_folder=str(self.run_folder))
        loaded = load(PLATFORM, {FILE_VARIABLE: str(mozilla_file())})
        return loaded._replace(report={**loaded.report, "source": CERTIFI, "variables": {}})


def _write_bundle(path: Path, pems: list[str]) -> dict[str, Any]:
    refused = [] if _is_loaded_by_openssl("".join(pems)) else [pem for pem in pems if not _is_loaded_by_openssl(pem)]
    if len(refused) == len(pems):
        raise PkiError("OpenSSL can parse none of the certificates, and an empty bundle would trust nobody.")
    write_text(path, "".join(pem for pem in pems if pem not in refused))
    return {
        "path": str(path),
        "refused": [hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest() for pem in refused],
    }


def _is_loaded_by_openssl(pem: str) -> bool:
    """Whether OpenSSL, as Python has it, takes the certificates in ``pem`` for anchors."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=pem)
    except ssl.SSLError:
        return False
    return True


def _accepted(state: State, strict: bool) -> State:
    if not state["digest"]:
        raise PkiError(state["failure"])
    if strict and (flaws := _flaws(state)):
        raise PkiError(f"{flaws} They were not refreshed, either: {state['failure']}" if state["failure"] else flaws)
    return state


def _flaws(state: State) -> str | None:
    """What could not be read of roots that there are."""
    try:
        require_flawless(state["report"])
    except HostError as error:
        return str(error)
    return None


def _better(former: State | None, loaded: State, strict: bool) -> State:
    """The state to go on with: the new one, unless it has no roots and the former one has, or ``strict`` forbids it
    and not the former one."""
    if former is None or not former["digest"]:
        return loaded
    failure = loaded["failure"]
    if strict and not failure and not former["report"]["errors"]:
        failure = _flaws(loaded)
    return {**former, "started": loaded["started"], "failure": failure} if failure else loaded


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
