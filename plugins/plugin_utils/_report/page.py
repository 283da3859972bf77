# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state of a fleet as one page of HTML, which loads nothing and runs nothing.

Its policy (https://www.w3.org/TR/CSP3/) permits its own style sheet alone, by its digest. All text is escaped by the
template's engine. What needs nobody is folded away, since a fleet has far more of that.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ansible_collections.anchorage.pki.plugins.plugin_utils._report.fleet import EXPORTED, FleetReport
from ansible_collections.anchorage.pki.plugins.plugin_utils._tables import Table, counted
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

TITLES = {
    "revoked": "Revoked leaves that may still be in use",
    "requested": "Leaf certificates that were signed for requests",
    "leaves": "Leaf certificates",
    "staples": "Staples for certificates of other authorities",
    "trust": "Trust stores",
    EXPORTED: "Ledgers of other controllers",
}

STYLE = """
:root { color-scheme: light dark; --line: #8886; --bad: #b3261e; --good: #1b7a3d; }
@media (prefers-color-scheme: dark) { :root { --bad: #ff8a80; --good: #7bd99a; } }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 80rem; padding: 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin-top: 2rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; }
dt { font-weight: 600; } dd { margin: 0; overflow-wrap: anywhere; }
.warnings li { color: var(--bad); overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; }
caption { text-align: start; padding: .5rem 0; }
th, td { border-bottom: 1px solid var(--line); padding: .35rem .75rem .35rem 0; }
th, td { text-align: start; vertical-align: top; }
th { font-size: .8rem; } p, td { overflow-wrap: anywhere; } td:not(:last-child) { min-width: 6.5rem; }
.state, .time { white-space: nowrap; }
summary { cursor: pointer; padding: .5rem 0; }
.unsettled .state { color: var(--bad); font-weight: 600; } .settled .state { color: var(--good); }
@media (max-width: 48rem) {
  dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .5rem; }
  thead { display: none; } table, tbody, tr, td { display: block; }
  tr { border-bottom: 1px solid var(--line); padding: .5rem 0; } td { border: 0; padding: 0; }
  td:empty { display: none; }
  td::before { content: attr(data-title) ": "; font-size: .8rem; font-weight: 600; }
}
"""

_TEMPLATE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{{ policy }}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>Certificates and trust</title>
<style>{{ style | safe }}</style>
</head>
<body>
{%- macro rows(table, group, class) %}
<table class="{{ class }}">
<thead><tr>{% for title in table.heading %}<th scope="col">{{ title | capitalize }}</th>{% endfor %}</tr></thead>
<tbody>
{%- for row in group %}
<tr>
{%- for title, cell in zip(table.heading, row) -%}
<td data-title="{{ title | capitalize }}"{{ classes.get(title.split()[-1], "") }}>{{ cell }}</td>
{%- endfor -%}
</tr>
{%- endfor %}
</tbody>
</table>
{%- endmacro %}
<h1>Certificates and trust</h1>
<p>As it was at <time datetime="{{ report.written }}">{{ report.written }}</time>.</p>
{%- if report.warnings %}
<ul class="warnings">
{%- for warning in report.warnings %}
<li>{{ warning }}</li>
{%- endfor %}
</ul>
{%- endif %}
{%- if facts %}
<h2>Authority</h2>
<dl>
{%- for title, text in facts %}
<dt>{{ title }}</dt><dd>{{ text }}</dd>
{%- endfor %}
</dl>
{%- endif %}
{%- for section in sections %}
<h2>{{ section.title }}</h2>
{%- for line in section.table.before %}
<p>{{ line }}</p>
{%- endfor %}
<p>{{ section.table.summary }}</p>
{%- if section.unsettled %}
{{- rows(section.table, section.unsettled, "unsettled") }}
{%- endif %}
{%- if section.settled %}
<details><summary>{{ section.folded }}</summary>
{{- rows(section.table, section.settled, "settled") }}
</details>
{%- endif %}
{%- endfor %}
</body>
</html>
"""


class Section(NamedTuple):
    """A table on the page: the rows that ask for something, and the others."""

    title: str
    table: Table
    unsettled: list[Any]
    settled: list[Any]

    @property
    def folded(self) -> str:
        """What is said of the settled rows while they are folded away."""
        return f"{counted(len(self.settled), 'row')} that need nothing"


def page(report: FleetReport) -> str:
    """The report as HTML."""
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    return environment.from_string(_TEMPLATE).render(
        policy=f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'",
        style=STYLE,
        report=report,
        facts=list(_facts(report.authority)),
        sections=[_section(title, report.tables[name]) for name, title in TITLES.items() if name in report.tables],
        classes={"STATE": Markup(' class="state"'), "UNTIL": Markup(' class="time"')},
        zip=zip,
    )


def _section(title: str, table: Table) -> Section:
    state = table.heading.index("STATE")
    unsettled = [row for row in table.rows if row[state] not in table.settled]
    return Section(title, table, unsettled, [row for row in table.rows if row[state] in table.settled])


def _facts(authority: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What the page says of the authority, by title."""
    if not authority:
        return
    for number, anchor in enumerate(authority["anchors"]):
        yield "Root" if number == 0 else "Further root, during a rotation", _certificate(anchor)
    yield "Issuing certificate", _certificate(authority["issuing"])
    yield "OCSP responder", _certificate(authority["responder"])
    yield "Type of keys", authority["key_type"]
    permitted = [*authority["permitted_domains"], *authority["permitted_networks"]]
    yield "Permitted names", "all: it has no name constraints" if authority["unconstrained"] else ", ".join(permitted)
    yield "Leaf certificates", ", ".join(f"{count} {status}" for status, count in authority["leaves"].items()) or "none"
    for signed in authority["lists"]:
        if signed["number"] is not None:
            yield f"Revoked by {signed['issuer']}", f"list {signed['number']}, valid until {signed['next_update']}"
    for due in authority["due"]:
        yield "Due", due


def _certificate(certificate: Mapping[str, Any]) -> str:
    return f"{certificate['subject']}, valid until {certificate['not_after']}, SHA-256 {certificate['sha256']}"
