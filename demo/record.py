# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The demo's folder, and what has to be known to remove it again: written there before anything else."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import FrameType

FILE = "demo.json"


@dataclass(frozen=True)
class Record:
    """Which folders above its own the demo made, the uppermost first; whether the machine may trust its root.

    What is not recorded, as by an earlier release, is taken for so: no folder, and trust.
    """

    made_folders: list[str] = field(default_factory=list)
    trust: bool = True


def demo_folder() -> Path:
    """Where the demo of this user is, or would be."""
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "anchorage-demo"


def make_folder(folder: Path) -> None:
    """Make the demo's folder, and record which others had to be made for it. One that is there stays as it is."""
    if folder.exists():
        return
    missing = [parent for parent in reversed(folder.parents) if not parent.exists()]
    with interruption_put_off():
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700)
        save(folder, Record([str(parent) for parent in missing], trust=False))


def expect_trust(folder: Path) -> None:
    """Record that from now on, the machine may trust the demo's root."""
    save(folder, replace(load(folder), trust=True))


def remove_folder(folder: Path) -> None:
    """Remove the demo's folder, and those above it that it made, unless something else is in them by now."""
    made = load(folder).made_folders
    with interruption_put_off():
        shutil.rmtree(folder)
        with contextlib.suppress(OSError):
            for parent in reversed(made):
                Path(parent).rmdir()


def load(folder: Path) -> Record:
    """What is recorded."""
    try:
        return Record(**json.loads((folder / FILE).read_text("utf-8")))
    except FileNotFoundError:
        return Record()


def save(folder: Path, record: Record) -> None:
    """Replace the record."""
    new = folder / f"{FILE}.new"
    new.write_text(json.dumps(asdict(record)), "utf-8")
    new.replace(folder / FILE)


@contextlib.contextmanager
def interruption_put_off() -> Iterator[None]:
    """Let Ctrl-C take effect at the end of the block, so that nothing in it is left half done."""
    pressed = False

    def note(_number: int, _frame: FrameType | None) -> None:
        nonlocal pressed
        if not pressed:
            print("Stopping as soon as this step is through ...", flush=True)
        pressed = True

    former = signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, former)
    if pressed:
        raise KeyboardInterrupt
