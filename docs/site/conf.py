# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settings of Sphinx for the documentation site, which ``make docs`` builds."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from pygments.lexers.special import TextLexer

project = "anchorage.pki"
author = "The anchorage.pki contributors"
project_copyright = f"2026, {author}"
extensions = ["myst_parser", "sphinx_antsibull_ext"]
root_doc = "index"

html_theme = "furo"
html_title = "anchorage.pki"
html_copy_source = False
html_show_sphinx = False
html_use_index = False
html_theme_options = {
    "source_repository": "https://github.com/anchorage/pki/",
    "source_branch": "main",
}
# Colours of the reference for readers who prefer a dark page, as the theme and the pictures have them.
antsibull_ext_color_scheme = "default-autodark"

# GitHub makes anchors of all headings, too.
myst_heading_anchors = 4
# A page that is in no list is named by tests/unit/test_documentation.py, with what to do about it.
suppress_warnings = ["toc.not_included"]

#: Where Ansible's own documentation is. Nothing is fetched from there while the site is built.
ANSIBLE = "https://docs.ansible.com/projects/ansible/latest"
#: What the reference refers to there by names of its own.
PAGES = {
    "action_plugins": "plugins/action.html",
    "ansible_configuration_settings": "reference_appendices/config.html",
    "callback_plugins": "plugins/callback.html",
    "common_return_values": "reference_appendices/common_return_values.html",
}
_PLUGIN = re.compile(r"ansible_collections\.(?!anchorage\.)(\w+)\.(\w+)\.(\w+)")


def reference_elsewhere(_app: Any, _env: Any, node: nodes.Element, content: nodes.Node) -> nodes.Node | None:
    """A reference to what Ansible, or another collection, documents; nothing of a name that is wrong here."""
    target = node.get("reftarget", "")
    if plugin := _PLUGIN.match(target):
        namespace, collection, name = plugin.groups()
        page = f"collections/{namespace}/{collection}/{name}.html"
    elif target in PAGES:
        page = PAGES[target]
    elif node.get("reftype") == "envvar" and target.startswith("ANSIBLE_"):
        page = f"{PAGES['ansible_configuration_settings']}#envvar-{target}"
    else:
        return None
    reference = nodes.reference("", "", internal=False, refuri=f"{ANSIBLE}/{page}")
    reference += content
    return reference


def setup(app: Any) -> None:
    """What this site adds to Sphinx."""
    app.connect("missing-reference", reference_elsewhere)
    app.add_lexer("caddyfile", TextLexer)
