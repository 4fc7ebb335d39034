#!/usr/bin/python
# Copyright: The tiketi.platform developers
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: cloudfront_function
version_added: 1.0.0
short_description: Manage a CloudFront Function and publish it
description:
  - Creates and changes a CloudFront Function and publishes it, so that the stage C(LIVE), which distributions run, has the code given.
  - The function is published only when what is live differs.
author:
  - The tiketi.platform developers (@tiketi)
options:
  state:
    description: Whether the function shall exist. One that a distribution uses cannot be deleted.
    type: str
    choices: [present, absent]
    default: present
  name:
    description: Name, of letters, digits, C(-) and C(_), at most 64.
    type: str
    required: true
  code:
    description: The JavaScript of the function, at most 10 KB. Required with O(state=present).
    type: str
  comment:
    description: Comment of the function.
    type: str
    default: ""
  runtime:
    description: Runtime of the function.
    type: str
    choices: [cloudfront-js-1.0, cloudfront-js-2.0]
    default: cloudfront-js-2.0
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - tiketi.platform.attributes.changes
attributes:
  diff_mode:
    description: Shows the code that is live and the code that shall be.
    support: full
seealso:
  - module: tiketi.platform.cloudfront_distribution_config
"""

EXAMPLES = r"""
- name: Answer every path of the application with its one page
  tiketi.platform.cloudfront_function:
    name: shop-prod-site
    code: |
      function handler(event) {
        if (!event.request.uri.split("/").pop().includes(".")) event.request.uri = "/index.html";
        return event.request;
      }
"""

RETURN = r"""
function:
  description: The function after the run. Empty when it does not exist.
  returned: always
  type: dict
  contains:
    name:
      description: Name of the function.
      type: str
      sample: shop-prod-site
    arn:
      description: ARN, for C(FunctionAssociations) of a behavior. Empty in check mode where it does not exist yet.
      type: str
      sample: arn:aws:cloudfront::111122223333:function/shop-prod-site
actions:
  description: What was done, or would be in check mode.
  returned: always
  type: list
  elements: str
  sample: [create, publish]
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.tiketi.platform.plugins.module_utils._cloudfront import function
from ansible_collections.tiketi.platform.plugins.module_utils._cloudfront.api import RETRY, CloudFront
from ansible_collections.tiketi.platform.plugins.module_utils._cloudfront.errors import CloudFrontError


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "name": {"type": "str", "required": True},
            "code": {"type": "str"},
            "comment": {"type": "str", "default": ""},
            "runtime": {
                "type": "str",
                "choices": ["cloudfront-js-1.0", "cloudfront-js-2.0"],
                "default": "cloudfront-js-2.0",
            },
        },
        required_if=[["state", "present", ["code"]]],
        supports_check_mode=True,
    )
    params = module.params
    try:
        api = CloudFront(module.client("cloudfront", retry_decorator=RETRY))
        if params["state"] == "present":
            wish = function.Function(params["comment"], params["runtime"], params["code"])
            result = function.present(api, params["name"], wish, module.check_mode)
        else:
            result = function.absent(api, params["name"], module.check_mode)
    except CloudFrontError as e:
        module.fail_json_aws_error(e)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
