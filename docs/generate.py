"""Write the option tables of the role READMEs and docs/roles.md from the argument_specs.

`python docs/generate.py` writes; with --check it only says what differs (exit 1). One source: roles/*/meta/argument_specs.yml.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
BEGIN, END = "<!-- options -->", "<!-- /options -->"


def option_rows(options: dict[str, Any], prefix: str = "") -> list[str]:
    """Rows of the table, sub-options after their parent."""
    rows = []
    for name, spec in options.items():
        kind = spec.get("type", "str")
        if spec.get("elements"):
            kind = f"{kind} of {spec['elements']}"
        if spec.get("choices"):
            kind += ": " + ", ".join(f"`{choice}`" for choice in spec["choices"])
        default = "**required**" if spec.get("required") else _literal(spec.get("default"))
        text = spec.get("description", "")
        text = " ".join(text) if isinstance(text, list) else text
        rows.append(f"| `{prefix}{name}` | {kind} | {default} | {_cell(text)} |")
        rows += option_rows(spec.get("options", {}), f"{prefix}{name}.")
    return rows


def _literal(value: Any) -> str:
    if value is None:
        return ""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"`{text}`" if text else '`""`'


def _cell(text: str) -> str:
    return " ".join(str(text).split()).replace("|", "\\|")


def options_block(specs: dict[str, Any]) -> str:
    """Everything between the markers: one table an entry point."""
    parts = [BEGIN]
    for entry, spec in specs.items():
        if entry != "main":
            parts += ["", f"### Entry point `{entry}`", "", _cell(spec.get("short_description", ""))]
        rows = option_rows(spec.get("options", {}) or {})
        if rows:
            parts += ["", "| option | type | default | meaning |", "|---|---|---|---|", *rows]
        else:
            parts += ["", "No options."]
    return "\n".join([*parts, "", END])


def readme_with_options(readme: str, block: str) -> str:
    """The README with its block replaced; the block is appended where the marker is missing."""
    head, marker, rest = readme.partition(BEGIN)
    tail = rest.partition(END)[2] if END in rest else ("" if not marker else rest)
    return f"{head.rstrip()}\n\n{block}\n" + (f"\n{tail.strip()}\n" if tail.strip() else "")


def pages() -> dict[Path, str]:
    """Path to content of every generated page."""
    found: dict[Path, str] = {}
    index = [
        "# Roles",
        "",
        "Generated from `roles/*/meta/argument_specs.yml` by `make docs`.",
        "",
        "| role | what it does |",
        "|---|---|",
    ]
    for spec_file in sorted(ROOT.glob("roles/*/meta/argument_specs.yml")):
        role = spec_file.parents[1]
        specs = yaml.safe_load(spec_file.read_text(encoding="utf-8"))["argument_specs"]
        readme = role / "README.md"
        text = readme.read_text(encoding="utf-8") if readme.is_file() else f"# {role.name}\n"
        found[readme] = readme_with_options(text, options_block(specs))
        main = specs.get("main") or next(iter(specs.values()))
        index.append(f"| [{role.name}](../roles/{role.name}/README.md) | {_cell(main.get('short_description', ''))} |")
    found[ROOT / "docs" / "roles.md"] = "\n".join(index) + "\n"
    return found


def main(arguments: list[str]) -> int:
    drifted = [path for path, text in pages().items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    if "--check" in arguments:
        for path in drifted:
            print(f"{path.relative_to(ROOT)} differs from its source: run `make docs`")
        return 1 if drifted else 0
    for path in drifted:
        path.write_text(pages()[path], encoding="utf-8")
        print(f"wrote {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
