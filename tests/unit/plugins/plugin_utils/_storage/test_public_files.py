# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of the controller that are written for others: whole, once, and readable."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.public_files import public_file


def test_a_file_is_written_where_it_differs(tmp_path: Path) -> None:
    file = public_file("signed_certificate_path", str(tmp_path / "file"))
    assert file is not None
    assert not file.holds(b"")
    file.write(b"one")
    assert (file.holds(b"one"), file.holds(b"two")) == (True, False)
    assert file.path.stat().st_mode & 0o777 == 0o644
    before = file.path.stat().st_ino
    file.write(b"one")
    assert file.path.stat().st_ino == before
    file.write(b"two")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert file.path.read_bytes() == b"two"


def test_what_cannot_be_written_is_refused_in_the_words_of_the_option(tmp_path: Path) -> None:
    assert public_file("issuing_request_path", None) is None
    with pytest.raises(PkiError, match="issuing_request_path: 'a/b' is a relative path"):
        public_file("issuing_request_path", "a/b")
    with pytest.raises(PkiError, match="issuing_request_path: there is no folder"):
        public_file("issuing_request_path", str(tmp_path / "none" / "file"))
    folder = public_file("issuing_request_path", str(tmp_path))
    assert folder is not None
    with pytest.raises(PkiError, match=r"issuing_request_path: .* cannot be read"):
        folder.write(b"")
