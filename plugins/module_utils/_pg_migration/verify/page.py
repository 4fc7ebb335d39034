"""The report as a page that needs nothing else: no script, no font, no picture from anywhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem;color:#1c2430;background:#fff}
table{border-collapse:collapse;width:100%;margin:.5rem 0 1.5rem}
th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #d9dee6;vertical-align:top}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
.good{color:#176b32}.bad{color:#a4161a}code{font-size:13px;overflow-wrap:anywhere}
@media (prefers-color-scheme:dark){body{color:#e6e9ee;background:#14181f}th,td{border-color:#333b47}.good{color:#6fcf8b}.bad{color:#ff8a8a}}
"""
COLUMNS = ("Table", "Rows", "Hash", "Method", "Ranges", "Seconds", "Set aside", "Verdict")


def _cells(kind: str, cells: Iterable[tuple[str, bool]]) -> str:
    return "".join(f"<{kind}{' class=n' if number else ''}>{text}</{kind}>" for text, number in cells)


def _table(head: Sequence[tuple[str, bool]], rows: Iterable[Sequence[str]]) -> str:
    body = "".join(
        f"<tr>{_cells('td', [(text, number) for text, (_, number) in zip(row, head, strict=True)])}</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{_cells('th', head)}</tr></thead><tbody>{body}</tbody></table>"


def _sides(values: Sequence[Any]) -> str:
    """One value where both sides say the same."""
    texts = [f"{value:,}" if isinstance(value, int) else str(value) for value in values]
    return escape(texts[0] if texts[0] == texts[1] else f"{texts[0]} / {texts[1]}")


def _row(one: Mapping[str, Any]) -> list[str]:
    if one["differences"]:
        verdict = '<span class="bad">different</span>'
    elif one["again_in_freeze"]:
        verdict = "again in the freeze"
    elif one["rows"][0] == one["rows"][1] and one["hashes"][0] == one["hashes"][1]:
        verdict = '<span class="good">the same</span>'
    else:
        verdict = "the same but for rows that changed meanwhile"
    key = f" <small>key {escape(', '.join(one['key']))}</small>" if one["key"] else " <small>no key</small>"
    return [
        f"<code>{escape(one['name'])}</code>{key}",
        _sides(one["rows"]),
        f"<code>{_sides(one['hashes'])}</code>",
        escape(one["method"]),
        str(one["ranges"]),
        f"{one['seconds']:.2f}",
        str(one["set_aside"]),
        verdict,
    ]


def _list(title: str, lines: Sequence[str], kind: str = "") -> str:
    if not lines:
        return ""
    return f'<h2>{title}</h2><ul class="{kind}">' + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"


def _frozen(one: Mapping[str, Any] | None) -> str:
    if not one:
        return ""
    how = {
        "changed": f"{one['rows']:,} rows that had changed since the online comparison",
        "full": f"everything, {one['rows']:,} rows" + (f" ({one['why']})" if one["why"] else ""),
    }[one["method"]]
    whole = (
        f"; whole tables: {', '.join(one['whole_tables'])}" if one["whole_tables"] and one["method"] != "full" else ""
    )
    words = f"{how}{whole}; {one['seconds']:.2f} s"
    return f"<h2>In the freeze</h2><p>{escape(words)}</p>" + _list(
        "Differences in the freeze", one["differences"], "bad"
    )


def page(report: Mapping[str, Any]) -> str:
    good = report["verdict"] == "the same"
    numbers = [name in ("Rows", "Ranges", "Seconds", "Set aside") for name in COLUMNS]
    tls = _table(
        [("Leg", False), ("sslmode", False), ("Server verified", False)],
        [
            [escape(one["leg"]), escape(one["sslmode"]), "yes" if one["verified"] else '<span class="bad">no</span>']
            for one in report["tls"]
        ],
    )
    title = f"{report['source']} and {report['target']}: {report['verdict']}"
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style></head><body>'
        f'<h1>Comparison of two databases: <span class="{"good" if good else "bad"}">{escape(report["verdict"])}</span></h1>'
        f"<p><code>{escape(report['source'])}</code> and <code>{escape(report['target'])}</code>, {report['rows']:,} rows,"
        f" {report['seconds']:.1f} s, written {escape(report['written'])}, move {escape(report['move'])}</p>"
        + _list("Differences", report["differences"], "bad")
        + _frozen(report.get("frozen"))
        + "<h2>Tables</h2>"
        + _table(list(zip(COLUMNS, numbers, strict=True)), [_row(one) for one in report["tables"]])
        + _list("Notices", report["notices"])
        + ("<h2>Connections</h2>" + tls if report["tls"] else "")
        + "</body></html>\n"
    )
