#!/usr/bin/python
# Copyright: (c) 2026, The tiketi.platform developers
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

DOCUMENTATION = r"""
module: container_image_repository
short_description: Manage ECR repositories for images that are named by their content
version_added: 1.0.0
description:
  - Makes ECR repositories and keeps them as declared, all in one call, with tags on each, which M(community.aws.ecs_ecr) does not set.
  - Tags of images are immutable. A lifecycle policy removes untagged images, and the oldest of the content-named ones.
  - A repository that is not declared any more stays, as hosts may still pull from it.
author:
  - The tiketi.platform developers (@tiketi)
options:
  names:
    description: Names of the repositories.
    type: list
    elements: str
    required: true
  scan_on_push:
    description: Look for known vulnerabilities when an image arrives.
    type: bool
    default: true
  keep_images:
    description: How many of the newest content-named images stay.
    type: int
    default: 50
  untagged_days:
    description: Days after which an image without a tag goes.
    type: int
    default: 7
  kms_key:
    description: KMS key that encrypts new repositories. Empty takes ECR's own encryption. It cannot be changed later.
    type: str
    default: ""
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - tiketi.platform.tags
attributes:
  check_mode:
    description: ECR is asked, nothing is changed. A repository that would be made is returned with the address it would have.
    support: full
  diff_mode:
    description: Shows each property that differs.
    support: full
"""

EXAMPLES = r"""
- name: Make a repository for the application
  tiketi.platform.container_image_repository:
    region: ap-northeast-2
    names: [tiketi/k3s/tiketi]
    tags:
      Project: tiketi
"""

RETURN = r"""
repositories:
  description: Address of each repository by its name.
  returned: success
  type: dict
  sample: {tiketi/k3s/tiketi: 111122223333.dkr.ecr.ap-northeast-2.amazonaws.com/tiketi/k3s/tiketi}
"""

import contextlib

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry
from ansible_collections.tiketi.platform.plugins.module_utils._container_image.api import Registry
from ansible_collections.tiketi.platform.plugins.module_utils._container_image.errors import ImageError
from ansible_collections.tiketi.platform.plugins.module_utils._container_image.repository import (
    Wanted,
    check,
    diff,
    plan,
)

with contextlib.suppress(ImportError):  # AnsibleAWSModule reports it
    from botocore.exceptions import BotoCoreError, ClientError


def argument_spec() -> dict[str, dict[str, object]]:
    return {
        "names": {"type": "list", "elements": "str", "required": True},
        "scan_on_push": {"type": "bool", "default": True},
        "keep_images": {"type": "int", "default": 50},
        "untagged_days": {"type": "int", "default": 7},
        "kms_key": {"type": "str", "default": "", "no_log": False},
        "tags": {"type": "dict", "default": {}},
    }


def main() -> None:
    module = AnsibleAWSModule(argument_spec=argument_spec(), supports_check_mode=True)
    params = module.params
    names, options = params["names"], ("scan_on_push", "keep_images", "untagged_days", "kms_key", "tags")
    try:
        wanted = Wanted(**{option: params[option] for option in options})
        check(names, wanted)
        registry = Registry(module.client("ecr", retry_decorator=AWSRetry.jittered_backoff(retries=10)))
        current = registry.read(names)
        actions = plan(current, names, wanted)
        addresses = {name: found.address for name, found in current.items()}
        for action in actions:
            if not module.check_mode:
                addresses[action.name] = registry.apply(action, wanted, current.get(action.name))
            elif action.create:
                addresses[action.name] = registry.address(action.name)
    except ImageError as error:
        module.fail_json(msg=str(error))
    except (BotoCoreError, ClientError) as error:
        module.fail_json_aws(error, msg="ECR refused")
    module.exit_json(changed=bool(actions), repositories=addresses, diff=diff(current, actions))


if __name__ == "__main__":
    main()
