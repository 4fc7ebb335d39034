#!/usr/bin/python
# Copyright: The tiketi.platform developers
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: cloudfront_vpc_origin
version_added: 1.0.0
short_description: Manage CloudFront's private way to an instance or a load balancer
description:
  - With a VPC origin CloudFront reaches an instance or a load balancer in a private subnet; no request crosses the internet between them.
  - CloudFront neither changes nor deletes one that a distribution uses. So each instance, protocol and port has an origin of its own, whose name
    begins with O(name); give the distribution the new one, then remove the others with O(state=absent).
author:
  - The tiketi.platform developers (@tiketi)
options:
  state:
    description: >-
      V(present) makes the origin and waits until CloudFront has it, which takes up to a quarter of an hour.
      V(absent) removes all of this name but O(keep) that no distribution uses.
    type: str
    choices: [present, absent]
    default: present
  name:
    description: First part of the name, of at most 50 characters.
    type: str
    required: true
  endpoint:
    description: ARN of the instance or the load balancer.
    type: str
    default: ""
  protocol:
    description: How CloudFront speaks to it.
    type: str
    choices: [http-only, https-only]
    default: http-only
  http_port:
    description: Port for HTTP.
    type: int
    default: 80
  https_port:
    description: Port for HTTPS.
    type: int
    default: 443
  keep:
    description: Id of the origin that stays, with O(state=absent). When it is empty, an origin that is in use is an error.
    type: str
    default: ""
  tags:
    description: Tags of a new origin.
    type: dict
    default: {}
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - tiketi.platform.wait
attributes:
  check_mode:
    description: Reports what would be made or removed and changes nothing.
    support: full
  diff_mode:
    description: Shows the origins that would come or go.
    support: full
seealso:
  - module: tiketi.platform.cloudfront_distribution_config
"""

EXAMPLES = r"""
- name: Let CloudFront reach the host of the API
  tiketi.platform.cloudfront_vpc_origin:
    name: shop-prod-site
    endpoint: arn:aws:ec2:eu-west-1:111122223333:instance/i-0123456789abcdef0
  register: way
"""

RETURN = r"""
vpc_origin:
  description: The origin, with C(id) for C(VpcOriginId) of an origin of a distribution, C(name) and C(endpoint). Empty with O(state=absent).
  returned: always
  type: dict
  sample: {"id": "vo_0123456789abcdefghijkl", "name": "shop-prod-site-0123456789", "endpoint": "arn:aws:ec2:eu-west-1:111122223333:instance/i-0"}
removed:
  description: Names of the origins that were removed, or would be.
  returned: always
  type: list
  elements: str
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.tiketi.platform.plugins.module_utils._cloudfront import vpc_origin
from ansible_collections.tiketi.platform.plugins.module_utils._cloudfront.api import RETRY, CloudFront
from ansible_collections.tiketi.platform.plugins.module_utils._cloudfront.errors import CloudFrontError
from ansible_collections.tiketi.platform.plugins.module_utils._cloudfront.wait import Waiter

FIELDS = ("endpoint", "protocol", "http_port", "https_port")


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "name": {"type": "str", "required": True},
            "endpoint": {"type": "str", "default": ""},
            "protocol": {"type": "str", "choices": ["http-only", "https-only"], "default": "http-only"},
            "http_port": {"type": "int", "default": 80},
            "https_port": {"type": "int", "default": 443},
            "keep": {"type": "str", "default": "", "no_log": False},
            "tags": {"type": "dict", "default": {}},
            "wait_timeout": {"type": "int", "default": 1800},
        },
        supports_check_mode=True,
    )
    params = module.params
    try:
        api = CloudFront(module.client("cloudfront", retry_decorator=RETRY))
        if params["state"] == "present":
            wish = vpc_origin.VpcOrigin(params["name"], **{name: params[name] for name in FIELDS})
            waiter = Waiter(api, params["wait_timeout"])
            result = vpc_origin.present(api, wish, params["tags"], waiter, module.check_mode)
        else:
            result = vpc_origin.absent(api, params["name"], params["keep"], module.check_mode)
    except CloudFrontError as e:
        module.fail_json_aws_error(e)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
