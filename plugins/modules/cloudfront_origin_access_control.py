#!/usr/bin/python
# Copyright: The tiketi.platform developers
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: cloudfront_origin_access_control
version_added: 1.0.0
short_description: Manage a CloudFront origin access control
description:
  - Creates, changes and deletes an origin access control (OAC), with which CloudFront signs its requests to a private S3 bucket or
    another origin of AWS. It replaces the origin access identity of M(community.aws.cloudfront_origin_access_identity).
  - An origin access control is found by its name, which is unique in an account. It has no tags.
author:
  - The tiketi.platform developers (@tiketi)
options:
  state:
    description: Whether the origin access control shall exist. One that a distribution uses is not deleted.
    type: str
    choices: [present, absent]
    default: present
  name:
    description: Name, of at most 64 characters.
    type: str
    required: true
  description:
    description: Description. The one that is there stays when this is not given.
    type: str
  origin_type:
    description: Kind of the origin.
    type: str
    choices: [s3, mediastore, mediapackagev2, lambda]
    default: s3
  signing_behavior:
    description:
      - Which requests CloudFront signs. V(always) is the one that keeps a bucket private.
      - V(no-override) leaves a request alone that the viewer has signed; V(never) signs none.
    type: str
    choices: [always, never, no-override]
    default: always
  signing_protocol:
    description: How requests are signed.
    type: str
    choices: [sigv4]
    default: sigv4
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - tiketi.platform.attributes.changes
attributes:
  diff_mode:
    description: Shows the members that differ.
    support: full
seealso:
  - module: tiketi.platform.cloudfront_distribution_config
"""

EXAMPLES = r"""
- name: Sign what CloudFront asks of the bucket
  tiketi.platform.cloudfront_origin_access_control:
    name: shop-prod-site
    description: Origin of the shop's front end
  register: access

- name: Delete it
  tiketi.platform.cloudfront_origin_access_control:
    name: shop-prod-site
    state: absent
"""

RETURN = r"""
origin_access_control:
  description: The origin access control after the run. Empty when it does not exist.
  returned: always
  type: dict
  contains:
    id:
      description: Id, for C(OriginAccessControlId) of an origin. Empty in check mode where it does not exist yet.
      type: str
      sample: E2QWRUHEXAMPLE
    name:
      description: Name.
      type: str
      sample: shop-prod-site
    description:
      description: Description.
      type: str
    origin_type:
      description: Kind of the origin.
      type: str
      sample: s3
    signing_behavior:
      description: Which requests are signed.
      type: str
      sample: always
    signing_protocol:
      description: How requests are signed.
      type: str
      sample: sigv4
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.tiketi.platform.plugins.module_utils._cloudfront import access_control
from ansible_collections.tiketi.platform.plugins.module_utils._cloudfront.api import RETRY, CloudFront
from ansible_collections.tiketi.platform.plugins.module_utils._cloudfront.errors import CloudFrontError

FIELDS = ("name", "description", "origin_type", "signing_behavior", "signing_protocol")


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "name": {"type": "str", "required": True},
            "description": {"type": "str"},
            "origin_type": {
                "type": "str",
                "choices": ["s3", "mediastore", "mediapackagev2", "lambda"],
                "default": "s3",
            },
            "signing_behavior": {"type": "str", "choices": ["always", "never", "no-override"], "default": "always"},
            "signing_protocol": {"type": "str", "choices": ["sigv4"], "default": "sigv4"},
        },
        supports_check_mode=True,
    )
    try:
        api = CloudFront(module.client("cloudfront", retry_decorator=RETRY))
        if module.params["state"] == "present":
            wish = access_control.AccessControl(**{name: module.params[name] for name in FIELDS})
            result = access_control.present(api, wish, module.check_mode)
        else:
            result = access_control.absent(api, module.params["name"], module.check_mode)
    except CloudFrontError as e:
        module.fail_json_aws_error(e)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
