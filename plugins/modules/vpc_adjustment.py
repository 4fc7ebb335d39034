#!/usr/bin/python
# Copyright: (c) 2026, The tiketi.platform developers
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

DOCUMENTATION = r"""
module: vpc_adjustment
short_description: Bind subnets to route tables, remove dead default routes, and add members to VPC endpoints
version_added: 1.0.0
description:
  - Binds subnets to route tables in one step, so that a subnet which moves is never without one.
  - Removes the default route of a route table where it leads to something that is gone. A living route, and every route to another
    destination, stays.
  - Adds route tables, subnets and security groups to VPC endpoints that exist. None is taken away, as others may have added it.
  - M(amazon.aws.ec2_vpc_route_table) takes a subnet from another table and binds it by the next run only, and removes either every route
    that it is not told or none; M(amazon.aws.ec2_vpc_endpoint) does not change an endpoint.
author:
  - The tiketi.platform developers
options:
  associations:
    description: The subnets of each route table, by its id. Others that are bound to it stay.
    type: dict
    default: {}
  dead_default_routes:
    description: Ids of route tables whose default route is removed if its state is C(blackhole).
    type: list
    elements: str
    default: []
  endpoints:
    description: Endpoints and what they shall have.
    type: list
    elements: dict
    default: []
    suboptions:
      id: {description: Id of the endpoint., type: str, required: true}
      route_table_ids: {description: Route tables of a gateway endpoint., type: list, elements: str, default: []}
      subnet_ids: {description: Subnets of an interface endpoint., type: list, elements: str, default: []}
      security_group_ids: {description: Security groups of an interface endpoint., type: list, elements: str, default: []}
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - tiketi.platform.attributes.changes
attributes:
  diff_mode:
    description: The calls are returned.
    support: none
"""

EXAMPLES = r"""
- name: Let the private tables of all zones reach S3
  tiketi.platform.vpc_adjustment:
    region: ap-northeast-2
    endpoints:
      - id: vpce-0123456789abcdef0
        route_table_ids: [rtb-1, rtb-2, rtb-3]
"""

RETURN = r"""
calls:
  description: What was asked of EC2.
  returned: success
  type: list
  elements: dict
  sample: [{operation: modify_vpc_endpoint, VpcEndpointId: vpce-1, AddRouteTableIds: [rtb-3]}]
"""

from contextlib import suppress
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry
from ansible_collections.tiketi.platform.plugins.module_utils._foundation.adjust import moves, plan

with suppress(ImportError):  # AnsibleAWSModule reports it
    from botocore.exceptions import BotoCoreError, ClientError

IDS = {"type": "list", "elements": "str", "default": []}


def all_tables(client: Any, some: list[str]) -> list[dict[str, Any]]:
    """Return every route table of the VPC of these, as any of them may have a subnet."""
    known = client.describe_route_tables(RouteTableIds=some, aws_retry=True)["RouteTables"]
    places = [{"Name": "vpc-id", "Values": sorted({table["VpcId"] for table in known})}]
    tables: list[dict[str, Any]] = []
    more: dict[str, str] = {}
    while True:
        answer = client.describe_route_tables(Filters=places, aws_retry=True, **more)
        tables += answer["RouteTables"]
        if not answer.get("NextToken"):
            return tables
        more = {"NextToken": answer["NextToken"]}


def main() -> None:
    endpoint = {"id": {"type": "str", "required": True}}
    endpoint |= dict.fromkeys(("route_table_ids", "subnet_ids", "security_group_ids"), IDS)
    module = AnsibleAWSModule(
        argument_spec={
            "associations": {"type": "dict", "default": {}},
            "dead_default_routes": IDS,
            "endpoints": {"type": "list", "elements": "dict", "default": [], "options": endpoint},
        },
        supports_check_mode=True,
    )
    subnets: dict[str, list[str]] = module.params["associations"]
    tables, wanted = module.params["dead_default_routes"], module.params["endpoints"]
    client = module.client("ec2", retry_decorator=AWSRetry.jittered_backoff(retries=10))
    try:
        # An empty list of ids would answer all of the account.
        found = client.describe_route_tables(RouteTableIds=tables, aws_retry=True)["RouteTables"] if tables else []
        bound = all_tables(client, list(subnets)) if subnets else []
        ids = [wish["id"] for wish in wanted]
        endpoints = client.describe_vpc_endpoints(VpcEndpointIds=ids, aws_retry=True)["VpcEndpoints"] if ids else []
        calls = [*moves(subnets, bound), *plan(found, endpoints, wanted)]
        for operation, arguments in [] if module.check_mode else calls:
            getattr(client, operation)(aws_retry=True, **arguments)
    except (BotoCoreError, ClientError) as error:
        module.fail_json_aws(error, msg="Cannot adjust routes and endpoints")
    module.exit_json(
        changed=bool(calls), calls=[{"operation": operation, **arguments} for operation, arguments in calls]
    )


if __name__ == "__main__":
    main()
