#!/usr/bin/python
# Copyright: The tiketi.platform developers
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: static_site_sync
version_added: 1.0.0
short_description: Bring a bucket to the files of a built front end, and CloudFront to the bucket
description:
  - Uploads the files that are new or differ, with content type and C(Cache-Control); removes what the folder does not have; invalidates in
    CloudFront what was there before and has changed, and nothing else.
  - Assets are uploaded before the pages that name them and C(index.html) comes last of all. Orphans are removed after that.
  - What must be invalidated is written down in the bucket first, so that a run that was killed is made good by the next one.
  - Unlike M(community.aws.s3_sync) it supports check mode and diff mode, gives each file a C(Cache-Control) of its own, and notices a
    content type or C(Cache-Control) that differs.
author:
  - The tiketi.platform developers (@tiketi)
options:
  bucket:
    description: The bucket. It holds this site only.
    type: str
    required: true
  source:
    description: Folder of the built front end.
    type: path
    required: true
  entry:
    description: File that the folder must have, so that an empty build does not wipe out the site. Empty demands none.
    type: str
    default: index.html
  exclude:
    description: Shell patterns over paths below the folder, of files that do not belong to the site.
    type: list
    elements: str
    default: []
  cache_rules:
    description: How long caches may keep what. The first rule that fits wins; a file that none fits gets no C(Cache-Control).
    type: list
    elements: dict
    default: []
    suboptions:
      pattern:
        description: Regular expression, searched in the path below the folder.
        type: str
        required: true
      cache_control:
        description: Value of C(Cache-Control).
        type: str
        required: true
  content_types:
    description: Content types by suffix, such as C(.pdf), over those that are known.
    type: dict
    default: {}
  delete:
    description: Remove objects that the folder does not have.
    type: bool
    default: true
  keep_old_days:
    description:
      - Days that a file stays which the folder does not have any more and whose C(Cache-Control) says C(immutable). A page that is open in a browser may
        load it later, and would get an error.
      - Since when it stays is written down in the bucket. V(0) removes it at once.
    type: int
    default: 0
  distribution_id:
    description: The CloudFront distribution in front of the bucket. Without it nothing is invalidated.
    type: str
    default: ""
  most_paths:
    description: Where more paths than this are to be invalidated, everything is.
    type: int
    default: 30
  wait:
    description: Wait until the edge has forgotten what was invalidated.
    type: bool
    default: true
  wait_timeout:
    description: Seconds to wait.
    type: int
    default: 600
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
attributes:
  check_mode:
    description: Reads the bucket, reports what would be done and does nothing. A bucket that does not exist yet counts as empty.
    support: full
  diff_mode:
    description: Shows the names of the files that would come and go.
    support: full
"""

EXAMPLES = r"""
- name: Publish the front end
  tiketi.platform.static_site_sync:
    bucket: shop-prod-site-111122223333
    source: frontend/dist
    distribution_id: E2QWRUHEXAMPLE
    cache_rules:
      - {pattern: '[.-][0-9a-f]{8,}\.\w+$', cache_control: 'public, max-age=31536000, immutable'}
      - {pattern: '\.html$', cache_control: no-cache}
      - {pattern: '', cache_control: 'public, max-age=300'}
"""

RETURN = r"""
uploaded:
  description: The files that were uploaded, in order, and why; or would be in check mode.
  returned: always
  type: list
  elements: dict
  sample: [{"key": "index.html", "reason": "content", "cache_control": "no-cache"}]
removed:
  description: The objects that were removed, or would be in check mode.
  returned: always
  type: list
  elements: str
  sample: [assets/app.0123abcd.js]
kept:
  description: Objects that the folder does not have any more and that stay for O(keep_old_days).
  returned: always
  type: list
  elements: str
unchanged:
  description: How many files were there already.
  returned: always
  type: int
  sample: 41
bytes:
  description: Size of what was uploaded.
  returned: always
  type: int
  sample: 20481
invalidated:
  description: The paths that were invalidated, or would be in check mode.
  returned: always
  type: list
  elements: str
  sample: [/, /index.html]
"""

from pathlib import Path

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.tiketi.platform.plugins.module_utils._cloudfront.api import RETRY, CloudFront
from ansible_collections.tiketi.platform.plugins.module_utils._cloudfront.errors import CloudFrontError
from ansible_collections.tiketi.platform.plugins.module_utils._cloudfront.wait import Waiter
from ansible_collections.tiketi.platform.plugins.module_utils._static_site.errors import SiteError
from ansible_collections.tiketi.platform.plugins.module_utils._static_site.files import rules_from, scan
from ansible_collections.tiketi.platform.plugins.module_utils._static_site.site_api import Objects
from ansible_collections.tiketi.platform.plugins.module_utils._static_site.sync import Edge, Runner


def edge(module: AnsibleAWSModule) -> Edge | None:
    params = module.params
    if not params["distribution_id"]:
        return None
    api = CloudFront(module.client("cloudfront", retry_decorator=RETRY))
    waiter = Waiter(api, params["wait_timeout"]) if params["wait"] else None
    return Edge(api, params["distribution_id"], waiter, params["most_paths"])


def main() -> None:
    rule = {"pattern": {"type": "str", "required": True}, "cache_control": {"type": "str", "required": True}}
    module = AnsibleAWSModule(
        argument_spec={
            "bucket": {"type": "str", "required": True},
            "source": {"type": "path", "required": True},
            "entry": {"type": "str", "default": "index.html"},
            "exclude": {"type": "list", "elements": "str", "default": []},
            "cache_rules": {"type": "list", "elements": "dict", "default": [], "options": rule},
            "content_types": {"type": "dict", "default": {}},
            "delete": {"type": "bool", "default": True},
            "keep_old_days": {"type": "int", "default": 0},
            "distribution_id": {"type": "str", "default": ""},
            "most_paths": {"type": "int", "default": 30},
            "wait": {"type": "bool", "default": True},
            "wait_timeout": {"type": "int", "default": 600},
        },
        supports_check_mode=True,
    )
    params = module.params
    try:
        rules = rules_from(params["cache_rules"])
        local = scan(Path(params["source"]), rules, params["content_types"], params["exclude"], params["entry"])
        objects = Objects(module.client("s3"), params["bucket"])
        runner = Runner(
            objects, params["bucket"], edge(module), params["delete"], module.check_mode, params["keep_old_days"]
        )
        result = runner.run(local)
    except (SiteError, CloudFrontError) as e:
        module.fail_json_aws_error(e)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
