"""Each module's page, put together from the module and its fragments, tells every option as the module takes it."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.basic import AnsibleModule

ROOT = Path(__file__).resolve().parents[3]
NAMES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py") if path.stem != "__init__")
ON_CONTROLLER = {"preflight"}  # an action plugin: nothing runs on a host


@cache
def pages() -> dict[str, Any]:
    """What ansible-doc renders; a fragment that is missing or wrong ends it."""
    command = [Path(sys.executable).with_name("ansible-doc"), "-t", "module", "--json"]
    done = subprocess.run(
        [*command, *(f"tiketi.platform.{name}" for name in NAMES)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return {name.rpartition(".")[2]: page["doc"] for name, page in found.items()}


class TakenError(Exception):
    """Ends main() where it has said what it takes."""


def taken(name: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The argument_spec that the module gives to Ansible."""
    found: dict[str, Any] = {}

    def told(_self: Any, argument_spec: dict[str, Any], **_others: Any) -> None:
        found.update(argument_spec)
        raise TakenError

    monkeypatch.setattr(AnsibleModule, "__init__", told)
    module = importlib.import_module(f"ansible_collections.tiketi.platform.plugins.modules.{name}")
    with pytest.raises(TakenError):
        module.main()
    return found


def lines(options: Mapping[str, Any], inner: str, prefix: str = "") -> Iterator[str]:
    """One line an option, as comparable as Ansible's two forms of it allow."""
    for name, option in options.items():
        kind = (option.get("type", "str"), option.get("elements"))
        choices = sorted(map(str, option.get("choices") or ()))
        yield f"{prefix}{name}: {kind} required={option.get('required', False)} {choices} aliases={option.get('aliases', [])}"
        yield f"{prefix}{name}: default={option.get('default')!r}"
        yield from lines(option.get(inner) or {}, inner, f"{prefix}{name}.")


@pytest.mark.parametrize("name", sorted(set(NAMES) - ON_CONTROLLER))
def test_the_page_of_a_module_has_every_option_as_it_is_taken(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    page = pages()[name]
    own = {
        option: {**spec, "aliases": spec.get("aliases", [])}
        for option, spec in taken(name, monkeypatch).items()
        if "amazon.aws" not in str(page["options"].get(option, {}).get("version_added_collection"))
    }
    told = {option: page["options"].get(option, {}) for option in own}
    assert sorted(lines(told, "suboptions")) == sorted(lines(own, "options"))
    assert set(page["options"]) == set(taken(name, monkeypatch))


def test_every_page_says_what_check_mode_and_diff_mode_do() -> None:
    for name, page in pages().items():
        assert {"check_mode", "diff_mode"} <= set(page.get("attributes", {})), name


def test_every_fragment_is_used() -> None:
    used = "\n".join((ROOT / "plugins" / "modules" / f"{name}.py").read_text() for name in NAMES)
    for path in (ROOT / "plugins" / "doc_fragments").glob("*.py"):
        assert f"- tiketi.platform.{path.stem}" in used
