#!/usr/bin/python
# Copyright: The tiketi.platform developers
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: cloudfront_distribution_config
version_added: 1.0.0
short_description: Manage a CloudFront distribution by the members of its configuration that matter
description:
  - Creates, changes and deletes a distribution. O(config) has the names of CloudFront's API. Members that it does not name stay as
    CloudFront has them and never count as a difference, so a second run changes nothing.
  - Unlike M(community.aws.cloudfront_distribution) it supports check mode, origin access controls and CloudFront Functions.
  - A distribution is found by its comment, which is O(name), else by its tag C(Name).
  - The request is checked against the API's model, and a certificate against ACM, before anything is changed and in check mode too.
author:
  - The tiketi.platform developers (@tiketi)
options:
  state:
    description: Whether the distribution shall exist. With V(absent) it is disabled, awaited and deleted.
    type: str
    choices: [present, absent]
    default: present
  name:
    description: Name of the distribution, kept as its comment and its tag C(Name).
    type: str
    required: true
  config:
    description:
      - Members of C(DistributionConfig), see U(https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_DistributionConfig.html).
        Required with O(state=present).
      - A list may be given plainly instead of as C(Quantity) and C(Items).
      - Origins, behaviors, error responses and functions are matched by their id, path pattern, error code and event type; those that the
        list does not name are removed. A member that is null is removed.
      - C(Comment) and C(CallerReference) are made from O(name).
    type: dict
  wait:
    description: Wait until every edge has taken the distribution, which takes minutes on AWS.
    type: bool
    default: true
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.tags.modules
  - amazon.aws.boto3
  - tiketi.platform.attributes.changes
  - tiketi.platform.wait
attributes:
  diff_mode:
    description: Shows the members that differ, by their path.
    support: full
seealso:
  - module: tiketi.platform.cloudfront_origin_access_control
  - module: tiketi.platform.cloudfront_function
"""

EXAMPLES = r"""
- name: Serve a private bucket
  tiketi.platform.cloudfront_distribution_config:
    name: shop-prod-site
    config:
      Enabled: true
      DefaultRootObject: index.html
      HttpVersion: http2and3
      Origins:
        - Id: site
          DomainName: shop-prod-site-111122223333.s3.ap-northeast-2.amazonaws.com
          OriginAccessControlId: "{{ access.origin_access_control.id }}"
          S3OriginConfig: {OriginAccessIdentity: ""}
      DefaultCacheBehavior:
        TargetOriginId: site
        ViewerProtocolPolicy: redirect-to-https
        CachePolicyId: 658327ea-f89d-4fab-a63d-7e88639e58f6  # Managed-CachingOptimized
        Compress: true
    tags:
      Project: shop
"""

RETURN = r"""
distribution:
  description: The distribution after the run. Empty when it does not exist.
  returned: always
  type: dict
  contains:
    id:
      description: Id.
      type: str
      sample: E2QWRUHEXAMPLE
    arn:
      description: ARN, for the policy of a bucket.
      type: str
      sample: arn:aws:cloudfront::111122223333:distribution/E2QWRUHEXAMPLE
    domain_name:
      description: Name that CloudFront gave it.
      type: str
      sample: d111111abcdef8.cloudfront.net
    status:
      description: V(Deployed) once every edge has it.
      type: str
      sample: Deployed
    aliases:
      description: Its other names.
      type: list
      elements: str
    tags:
      description: Its tags.
      type: dict
"""

from functools import partial

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.tiketi.platform.plugins.module_utils._cloudfront import certificate, config, distribution
from ansible_collections.tiketi.platform.plugins.module_utils._cloudfront.api import RETRY, CloudFront
from ansible_collections.tiketi.platform.plugins.module_utils._cloudfront.errors import CloudFrontError
from ansible_collections.tiketi.platform.plugins.module_utils._cloudfront.wait import Waiter


def certificates(module: AnsibleAWSModule) -> certificate.Certificates:
    return certificate.Certificates(module.client("acm", region=certificate.REGION))


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "name": {"type": "str", "required": True},
            "config": {"type": "dict"},
            "tags": {"type": "dict", "aliases": ["resource_tags"]},
            "purge_tags": {"type": "bool", "default": True},
            "wait": {"type": "bool", "default": True},
            "wait_timeout": {"type": "int", "default": 1800},
        },
        required_if=[["state", "present", ["config"]]],
        supports_check_mode=True,
    )
    params = module.params
    try:
        api = CloudFront(module.client("cloudfront", retry_decorator=RETRY))
        waiter = Waiter(api, params["wait_timeout"])
        runner = distribution.Runner(api, waiter, module.check_mode, params["wait"], partial(certificates, module))
        if params["state"] == "present":
            tags = params["tags"]
            wish = distribution.Wish(params["name"], config.listed(params["config"]), tags or {})
            result = runner.present(wish, purge_tags=params["purge_tags"] and tags is not None)
        else:
            result = runner.absent(params["name"])
    except CloudFrontError as e:
        module.fail_json_aws_error(e)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
