# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host in a scratch folder, and what tests of trust do with any: apply, settle, and look at every file."""

from __future__ import annotations

import dataclasses
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from ansible_collections.anchorage.pki.plugins.module_utils._trust import engine
from ansible_collections.anchorage.pki.plugins.module_utils._trust.engine import LOCK_FILE
from ansible_collections.anchorage.pki.plugins.module_utils._trust.kinds import KINDS, Kind
from ansible_collections.anchorage.pki.plugins.module_utils._trust.messages import Request, StoreOutcome
from ansible_collections.anchorage.pki.plugins.module_utils._trust.settings import Settings
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import Anchor
from ansible_collections.anchorage.pki.plugins.plugin_utils._trust.anchors import identify_anchor
from ansible_collections.anchorage.pki.tests.unit.looks import compare
from ansible_collections.anchorage.pki.tests.unit.roots import NOW, make_root, pem_of
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

REACHED = {"install": "trusted", "remove": "absent"}
OPPOSITE = {"install": "remove", "remove": "install"}


def anchor_of(certificate: x509.Certificate) -> Anchor:
    """What the controller sends for this certificate."""
    anchor = identify_anchor(pem_of(certificate), "test")
    return Anchor(anchor.name, anchor.pem)


KEY = ec.generate_private_key(ec.SECP256R1())
ROOT = make_root("Lab root", key=KEY)
OTHER_ROOT = make_root("Other root")
ANCHOR, OTHER = anchor_of(ROOT), anchor_of(OTHER_ROOT)
# A renewal keeps subject and key.
FORMER = anchor_of(make_root("Lab root", key=KEY, not_after=NOW + timedelta(days=100)))
RENEWED = anchor_of(make_root("Lab root", key=KEY, not_after=NOW + timedelta(days=5000)))


class ScratchHost:
    """A host below ``root``. Runs look at the stores of its ``kinds``, as ``table`` lists them."""

    kinds: Sequence[str] = ("system",)
    table: Sequence[Kind] = KINDS
    #: What runs and refreshes note in the host's folder for the tests alone.
    notes: Sequence[str] = ()

    def __init__(self, root: Path) -> None:
        self.root = root
        self.settings = Settings(root=str(root))
        (root / "var/run").mkdir(parents=True, exist_ok=True)

    @property
    def lock(self) -> Path:
        return Path(self.settings.path(LOCK_FILE))

    def put(self, path: str | Path, content: str | bytes, mode: int = 0o644) -> Path:
        """A file, its path below the root."""
        file = self.root / str(path).lstrip("/") if not str(path).startswith(str(self.root)) else Path(path)
        file.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        file.chmod(mode)
        return file

    def spent(self) -> list[str]:
        """The commands of the code under test, so far, that a host without anything to do is spared."""
        return []

    def picture(self) -> dict[str, tuple[str, bytes]]:
        """Every file, link and folder with its mode and content or target; the lock that all runs share left out."""
        paths = [path for path in sorted(self.root.rglob("*")) if path != self.lock and path.name not in self.notes]
        return {str(path): _portrait(path) for path in paths}

    @contextmanager
    def snapshot(self) -> Iterator[Callable[[], None]]:
        """A function that puts everything back as it is now, owners and times as well."""
        with tempfile.TemporaryDirectory() as kept:
            subprocess.run(["cp", "-a", f"{self.root}/.", kept], check=True)

            def restore() -> None:
                for entry in self.root.iterdir():
                    if entry.is_dir() and not entry.is_symlink():
                        shutil.rmtree(entry)
                    else:
                        entry.unlink()
                subprocess.run(["cp", "-a", f"{kept}/.", self.root], check=True)

            yield restore


def _portrait(path: Path) -> tuple[str, bytes]:
    mode = stat.filemode(path.lstat().st_mode)
    if path.is_symlink():
        return mode, os.readlink(path).encode()
    return mode, path.read_bytes() if path.is_file() else b""


def apply_all(
    operation: str,
    host: ScratchHost,
    anchor: Anchor = ANCHOR,
    *,
    check_mode: bool = False,
    superseded: Sequence[Anchor] = (),
    further: Sequence[Anchor] = (),
    kinds: Sequence[str] = (),
    **settings: Any,
) -> list[StoreOutcome]:
    """What becomes of the anchor in the host's stores, with these settings changed; a look before has to say the same,
    unless there is something to change."""
    changed = dataclasses.replace(host.settings, others=(*superseded, *further), **settings)
    request = Request(
        *(operation, anchor, tuple(kinds or host.kinds), changed.java_password, tuple(superseded)),
        *(changed.leaf_name, changed.leaf_chain, changed.allow_authorization_change, tuple(further)),
        changed.truststores,
    )
    with strict_umask():
        return compare(request, changed, host.table, lambda: engine.apply(request, changed, check_mode, host.table))


@contextmanager
def strict_umask() -> Iterator[None]:
    """The strictest user's."""
    umask = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(umask)


def apply_unseen(operation: str, host: ScratchHost) -> None:
    """The same without the look before, where that is not news: what is applied here is killed again and again."""
    with strict_umask():
        engine.apply(Request(operation, ANCHOR, tuple(host.kinds)), host.settings, False, host.table)


def apply(operation: str, host: ScratchHost, anchor: Anchor = ANCHOR, **options: Any) -> StoreOutcome:
    """The same on a host with a single store."""
    (outcome,) = apply_all(operation, host, anchor, **options)
    return outcome


def settle_all(operation: str, host: ScratchHost, anchor: Anchor = ANCHOR, **options: Any) -> list[StoreOutcome]:
    """Apply, and see that every store got there, and that a second run does nothing."""
    outcomes = apply_all(operation, host, anchor, **options)
    assert {outcome.state for outcome in outcomes} == {REACHED[operation]}, [each.evidence for each in outcomes]
    before, spent = host.picture(), host.spent()
    assert not any(outcome.changed for outcome in apply_all(operation, host, anchor, **options))
    assert (host.picture(), host.spent()) == (before, spent)
    return outcomes


def settle(operation: str, host: ScratchHost, anchor: Anchor = ANCHOR, **options: Any) -> StoreOutcome:
    """The same on a host with a single store, which had to be changed."""
    (outcome,) = settle_all(operation, host, anchor, **options)
    assert outcome.changed
    return outcome
