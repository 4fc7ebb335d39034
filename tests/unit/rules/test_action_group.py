"""Each module of AWS is in the group whose defaults a user sets; a new one that is left out would miss its region."""

from __future__ import annotations

from pathlib import Path

import yaml


def test_each_module_of_aws_is_in_the_action_group() -> None:
    (group,) = yaml.safe_load(Path("meta/runtime.yml").read_text())["action_groups"].values()
    ours = [name for name in group if isinstance(name, str)]
    paths = sorted(Path("plugins/modules").glob("*.py"))
    assert ours == [path.stem for path in paths if "amazon.aws.region.modules" in path.read_text()]
    assert {"metadata": {"extend_group": ["amazon.aws.aws"]}} in group
