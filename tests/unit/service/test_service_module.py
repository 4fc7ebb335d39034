"""The module's documentation says what its argument specification does."""

from __future__ import annotations

from typing import Any

import yaml
from ansible_collections.tiketi.platform.plugins.modules import service_deploy

FACTS = ("type", "required", "default", "elements")


def facts(options: dict[str, Any], nested: str) -> dict[str, Any]:
    return {
        name: {
            **{fact: option[fact] for fact in FACTS if option.get(fact) not in (None, False) or fact == "type"},
            "nested": facts(option.get(nested) or {}, nested),
        }
        for name, option in options.items()
    }


def test_documentation_and_arguments_agree() -> None:
    documented = yaml.safe_load(service_deploy.DOCUMENTATION)["options"]
    assert facts(documented, "suboptions") == facts(service_deploy.ARGUMENTS, "options")


def test_secrets_are_the_one_parameter_that_is_never_logged() -> None:
    assert [name for name, option in service_deploy.ARGUMENTS.items() if option.get("no_log")] == ["secrets"]
