#!/usr/bin/python
# Copyright: The tiketi.platform developers
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: static_site_bucket
version_added: 1.0.0
short_description: Manage a private S3 bucket for the files of a web site
description:
  - Creates a bucket that nothing but its policy opens, with all public access blocked, no ACLs and encryption, and optionally versions.
  - Unlike M(amazon.aws.s3_bucket) it supports check mode and diff mode. Other lifecycle rules than its own stay.
author:
  - The tiketi.platform developers (@tiketi)
options:
  state:
    description: Whether the bucket shall exist.
    type: str
    choices: [present, absent]
    default: present
  name:
    description: Name of the bucket, shared by all of AWS.
    type: str
    required: true
  kms_key:
    description: KMS key that encrypts the objects. Empty takes S3's own encryption. The policy of the key must let CloudFront decrypt.
    type: str
    default: ""
  versioning:
    description: Keep old versions of objects.
    type: bool
    default: true
  old_version_days:
    description: Days after which an old version goes. V(0) keeps them for ever.
    type: int
    default: 30
  policy:
    description: The whole policy of the bucket. The one that is there stays when this is not given.
    type: dict
  remove_objects:
    description: With O(state=absent), remove all objects and all their versions too. A bucket with objects is refused otherwise.
    type: bool
    default: false
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.tags.modules
  - amazon.aws.boto3
  - tiketi.platform.attributes.changes
attributes:
  diff_mode:
    description: Shows each property that differs.
    support: full
"""

EXAMPLES = r"""
- name: Make the bucket of the front end
  tiketi.platform.static_site_bucket:
    name: shop-prod-site-111122223333
    region: ap-northeast-2
    tags:
      Project: shop
"""

RETURN = r"""
bucket:
  description: The bucket. Empty when it shall not exist.
  returned: always
  type: dict
  contains:
    name:
      description: Name.
      type: str
      sample: shop-prod-site-111122223333
    arn:
      description: ARN.
      type: str
      sample: arn:aws:s3:::shop-prod-site-111122223333
    domain_name:
      description: Name for an origin.
      type: str
      sample: shop-prod-site-111122223333.s3.ap-northeast-2.amazonaws.com
    region:
      description: Region.
      type: str
      sample: ap-northeast-2
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.tiketi.platform.plugins.module_utils._static_site.bucket import Wish
from ansible_collections.tiketi.platform.plugins.module_utils._static_site.bucket_api import Buckets
from ansible_collections.tiketi.platform.plugins.module_utils._static_site.bucket_run import Runner
from ansible_collections.tiketi.platform.plugins.module_utils._static_site.errors import SiteError

FIELDS = ("name", "kms_key", "versioning", "old_version_days", "policy", "tags", "purge_tags")


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "name": {"type": "str", "required": True},
            "kms_key": {"type": "str", "default": "", "no_log": False},
            "versioning": {"type": "bool", "default": True},
            "old_version_days": {"type": "int", "default": 30},
            "policy": {"type": "dict"},
            "tags": {"type": "dict", "aliases": ["resource_tags"]},
            "purge_tags": {"type": "bool", "default": True},
            "remove_objects": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    params = module.params
    try:
        api = Buckets(module.client("s3"), module.region)
        runner = Runner(api, module.region, module.check_mode)
        if params["state"] == "present":
            result = runner.present(Wish(**{name: params[name] for name in FIELDS}))
        else:
            result = runner.absent(params["name"], params["remove_objects"])
    except SiteError as e:
        module.fail_json_aws_error(e)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
