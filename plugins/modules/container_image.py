#!/usr/bin/python
# Copyright: (c) 2026, The tiketi.platform developers
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

DOCUMENTATION = r"""
module: container_image
short_description: Build container images from source and push them to ECR, once for each content
version_added: 1.0.0
description:
  - Names each image by a digest of everything that goes into it, which is the files of its context, the Containerfile, the build
    arguments, the platform and the base. Where the repository has that tag, nothing is built, and no container engine is needed.
  - Images with the same content are built once, and pushed to each of their repositories.
  - Files that C(.containerignore) or C(.dockerignore) keeps from the builder do not count, and neither do times and owners of files.
  - The credential of ECR is in a file of its own for the time of the push, and is not added to the user's own logins.
  - Builds with Podman keep the engine's store as it was. The same inputs give the same digest when the base is pinned by digest
    and the Containerfile adds nothing that depends on the time.
author:
  - The tiketi.platform developers (@tiketi)
options:
  images:
    description: The images.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name by which the result refers to the image.
        type: str
        required: true
      context:
        description: Folder on this machine that the image is built from.
        type: path
        required: true
      containerfile:
        description: The Containerfile, relative to the context.
        type: str
        default: Containerfile
      build_args:
        description: Build arguments. They are part of the image's history and of the command line, so that no secret belongs here.
        type: dict
        default: {}
      platform:
        description: Operating system and architecture, such as V(linux/arm64). Without it, those of this machine.
        type: str
      repository:
        description: Address of the ECR repository, as M(tiketi.platform.container_image_repository) returns it.
        type: str
        required: true
  engine:
    description: What builds and pushes. V(auto) takes Podman where it works, and Docker otherwise.
    type: str
    choices: [auto, podman, docker]
    default: auto
  build_network:
    description: Network of the build steps. Empty leaves it to the engine.
    type: str
    default: ""
  ca_bundle:
    description:
      - File with certificates that a build step may need on its way to a package index. It is given as build secret C(ca-bundle),
        so that it is not in the image.
    type: str
    default: ""
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
attributes:
  check_mode:
    description: ECR is asked, nothing is built. An image that would be built is returned by tag, as it has no digest yet.
    support: full
  diff_mode:
    description: Shows the references that would be new.
    support: full
"""

EXAMPLES = r"""
- name: Build and push the application
  tiketi.platform.container_image:
    region: ap-northeast-2
    images:
      - name: tiketi
        context: examples/tiketi/app
        repository: 111122223333.dkr.ecr.ap-northeast-2.amazonaws.com/tiketi/k3s/tiketi
        build_args:
          BASE_IMAGE: docker.io/library/python:3.12-slim@sha256:...
"""

RETURN = r"""
images:
  description: Each image by digest.
  returned: success
  type: dict
  sample: {tiketi: "111122223333.dkr.ecr.ap-northeast-2.amazonaws.com/tiketi/k3s/tiketi@sha256:9f86d081884c7d65..."}
built:
  description: Names of the images that were built, one for each content.
  returned: success
  type: list
  elements: str
  sample: [tiketi]
"""

import contextlib

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry
from ansible_collections.tiketi.platform.plugins.module_utils._container_image import engine
from ansible_collections.tiketi.platform.plugins.module_utils._container_image.api import Registry
from ansible_collections.tiketi.platform.plugins.module_utils._container_image.apply import ensure
from ansible_collections.tiketi.platform.plugins.module_utils._container_image.errors import ImageError
from ansible_collections.tiketi.platform.plugins.module_utils._container_image.model import parse

with contextlib.suppress(ImportError):  # AnsibleAWSModule reports it
    from botocore.exceptions import BotoCoreError, ClientError


def argument_spec() -> dict[str, dict[str, object]]:
    image = {
        "name": {"type": "str", "required": True},
        "context": {"type": "path", "required": True},
        "containerfile": {"type": "str", "default": "Containerfile"},
        "build_args": {"type": "dict", "default": {}},
        "platform": {"type": "str"},
        "repository": {"type": "str", "required": True},
    }
    return {
        "images": {"type": "list", "elements": "dict", "required": True, "options": image},
        "engine": {"type": "str", "choices": ["auto", *engine.ENGINES], "default": "auto"},
        "build_network": {"type": "str", "default": ""},
        "ca_bundle": {"type": "str", "default": ""},
    }


def main() -> None:
    module = AnsibleAWSModule(argument_spec=argument_spec(), supports_check_mode=True)
    params = module.params
    try:
        images = parse(params["images"])
        registry = Registry(module.client("ecr", retry_decorator=AWSRetry.jittered_backoff(retries=10)))
        options = engine.Options(params["build_network"], params["ca_bundle"])
        result = ensure(images, registry, lambda: engine.find(params["engine"]), options, check_mode=module.check_mode)
    except ImageError as error:
        module.fail_json(msg=str(error))
    except (BotoCoreError, ClientError) as error:
        module.fail_json_aws(error, msg="ECR refused")
    for warning in result.warnings:
        module.warn(warning)
    module.exit_json(changed=result.changed, images=result.images, built=result.built, diff=result.diff)


if __name__ == "__main__":
    main()
