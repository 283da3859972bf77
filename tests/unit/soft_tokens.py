# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""PKCS#11 tokens by SoftHSM 2, with OpenSC's pkcs11-tool as a judge that has nothing of ours."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.tests.unit.processes import fork_all

#: Where distributions have SoftHSM's module.
MODULES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/softhsm/libsofthsm.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
)
#: Nothing else in an output is like it.
PIN = "no-number-731905"
SETTING = "SOFTHSM2_CONF"


class SoftTokens:
    """A folder with tokens, which processes see that have :attr:`environment`."""

    def __init__(self, folder: Path) -> None:
        if not (shutil.which("softhsm2-util") and shutil.which("pkcs11-tool") and find_spec("PyKCS11")):
            pytest.skip("softhsm2, opensc or the Python package PyKCS11 is missing")
        self.module = next(path for path in MODULES if Path(path).exists())
        self.tokens = folder / "tokens"
        self.tokens.mkdir(mode=0o700)
        configuration = folder / "softhsm2.conf"
        configuration.write_text(
            f"directories.tokendir = {self.tokens}\nobjectstore.backend = file\nlog.level = ERROR\n"
        )
        self.environment = {SETTING: str(configuration)}

    def make(self, label: str) -> str:
        """Make a token, and give its URI."""
        words = ["softhsm2-util", "--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", "80135790"]
        self._run(*words)
        return f"pkcs11:token={label}?module-path={self.module}"

    def make_key(self, label: str, key: str, kind: str, identifier: str) -> None:
        """Have pkcs11-tool make a key on a token."""
        self.ask(label, "--keypairgen", "--key-type", kind, "--label", key, "--id", identifier)

    def ask(self, label: str, *words: str) -> str:
        """What pkcs11-tool says of a token."""
        return self._run(
            "pkcs11-tool", "--module", self.module, "--token-label", label, "--login", "--pin", PIN, *words
        )

    def private_keys(self, label: str) -> list[str]:
        """What pkcs11-tool says of each private key on a token."""
        said = self.ask(label, "--list-objects", "--type", "privkey")
        return [f"Private{part}" for part in said.split("Private Key Object")[1:]]

    def take_away(self) -> None:
        """Have no token attached any more."""
        self.tokens.rename(self.tokens.with_name("away"))
        self.tokens.mkdir()

    def bring_back(self) -> None:
        """Attach them again."""
        self.tokens.rmdir()
        self.tokens.with_name("away").rename(self.tokens)

    def apart(self, function: Callable[[], object], count: int = 1) -> None:
        """Run ``function`` in so many processes at once, which see the tokens: what loads a module keeps it loaded."""
        os.environ.update(self.environment)
        try:
            fork_all(lambda _number: function(), count)
        finally:
            del os.environ[SETTING]

    def _run(self, *words: str) -> str:
        finished = subprocess.run(words, env=os.environ | self.environment, capture_output=True, text=True, check=True)
        return finished.stdout
