# ruff: noqa: N803  (the parameters bear the names that boto3 gives them)
"""An ElastiCache in memory that behaves as AWS documents it: slow to settle, picky about order, silent about tokens."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

ARN = "arn:aws:elasticache:ap-northeast-2:000000000000"
BUSY_POLLS = 2
WRITES = ("create_", "modify_", "delete_", "increase_", "decrease_", "test_", "add_", "remove_")


def refuse(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "FakeOperation")


class FakeElastiCache:
    def __init__(self) -> None:
        self.groups: dict[str, dict[str, Any]] = {}
        self.members: dict[str, dict[str, Any]] = {}
        self.tags: dict[str, dict[str, str]] = {}
        self.tokens: dict[str, list[str]] = {}
        self.parameter_groups: dict[str, dict[str, Any]] = {}
        self.subnet_groups: dict[str, list[str]] = {}
        self.secrets: dict[str, str] = {}
        self.keys: dict[str, str] = {}
        self.event_messages: list[str] = []
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.busy = BUSY_POLLS

    @property
    def writes(self) -> list[str]:
        return [name for name, _request in self.calls if name.startswith(WRITES)]

    def __getattribute__(self, name: str) -> Any:
        value = object.__getattribute__(self, name)
        if name.startswith("_") or not callable(value):
            return value

        def recorded(*, aws_retry: bool = False, **request: Any) -> Any:
            assert aws_retry, f"{name} is called without retries"
            self.calls.append((name, request))
            return value(**request)

        return recorded

    # Groups

    def _group(self, name: str) -> dict[str, Any]:
        if name not in self.groups:
            raise refuse("ReplicationGroupNotFoundFault", f"{name} not found")
        return self.groups[name]

    def _settle(self, group: dict[str, Any], status: str) -> None:
        group["Status"], group["polls"] = status, self.busy

    def _change(self, name: str, *, now: bool = True) -> dict[str, Any]:
        group = self._group(name)
        if group["Status"] != "available":
            raise refuse("InvalidReplicationGroupState", f"{name} is {group['Status']}")
        assert now, "the fake knows no maintenance window"
        self._settle(group, "modifying")
        return group

    def _add_member(self, group: dict[str, Any], role: str) -> None:
        name = f"{group['ReplicationGroupId']}-{len(group['MemberClusters']) + 1:03d}"
        group["MemberClusters"].append(name)
        group["NodeGroups"][0]["NodeGroupMembers"].append({"CacheClusterId": name, "CurrentRole": role})
        self.members[name] = dict(group["common"])

    def create_replication_group(self, **request: Any) -> None:
        name = request["ReplicationGroupId"]
        if name in self.groups:
            raise refuse("ReplicationGroupAlreadyExists", name)
        tls = request.get("TransitEncryptionEnabled", False)
        group: dict[str, Any] = {
            "ReplicationGroupId": name,
            "ARN": f"{ARN}:replicationgroup:{name}",
            "Description": request["ReplicationGroupDescription"],
            "Engine": request.get("Engine", "redis"),
            "CacheNodeType": request["CacheNodeType"],
            "AutomaticFailover": "enabled" if request.get("AutomaticFailoverEnabled") else "disabled",
            "MultiAZ": "enabled" if request.get("MultiAZEnabled") else "disabled",
            "SnapshotRetentionLimit": request.get("SnapshotRetentionLimit", 0),
            "SnapshotWindow": request.get("SnapshotWindow", "05:00-06:00"),
            "TransitEncryptionEnabled": tls,
            "AtRestEncryptionEnabled": request.get("AtRestEncryptionEnabled", False),
            "KmsKeyId": request.get("KmsKeyId"),
            "AuthTokenEnabled": "AuthToken" in request,
            "AutoMinorVersionUpgrade": request.get("AutoMinorVersionUpgrade", True),
            "ClusterEnabled": False,
            "MemberClusters": [],
            "NodeGroups": [
                {
                    "NodeGroupId": "0001",
                    "PrimaryEndpoint": {"Address": f"master.{name}", "Port": request.get("Port", 6379)},
                    "ReaderEndpoint": {"Address": f"replica.{name}", "Port": request.get("Port", 6379)},
                    "NodeGroupMembers": [],
                }
            ],
            "common": {
                "CacheClusterStatus": "available",
                "EngineVersion": f"{request.get('EngineVersion', '7.0')}.7",
                "CacheParameterGroup": {"CacheParameterGroupName": request.get("CacheParameterGroupName", "default")},
                "CacheSubnetGroupName": request.get("CacheSubnetGroupName", "default"),
                "SecurityGroups": [{"SecurityGroupId": sg} for sg in request.get("SecurityGroupIds", [])],
                "PreferredMaintenanceWindow": request.get("PreferredMaintenanceWindow", "sun:05:00-sun:06:00"),
            },
        }
        if tls:
            group["TransitEncryptionMode"] = request.get("TransitEncryptionMode", "required")
        self.groups[name] = group
        self.tokens[name] = [request["AuthToken"]] if "AuthToken" in request else []
        self.tags[group["ARN"]] = {tag["Key"]: tag["Value"] for tag in request.get("Tags", [])}
        for index in range(request["NumCacheClusters"]):
            self._add_member(group, "replica" if index else "primary")
        self._settle(group, "creating")

    def describe_replication_groups(self, ReplicationGroupId: str | None = None) -> dict[str, Any]:
        if ReplicationGroupId is None:
            return {"ReplicationGroups": list(self.groups.values())}
        group = self._group(ReplicationGroupId)
        answer = dict(group)
        if group["polls"] > 0:
            group["polls"] -= 1
        elif group["Status"] == "deleting":
            del self.groups[ReplicationGroupId]
        elif group["Status"] in ("creating", "modifying"):
            group["Status"] = answer["Status"] = "available"
        answer.pop("common"), answer.pop("polls")
        return {"ReplicationGroups": [answer]}

    def modify_replication_group(self, ReplicationGroupId: str, **request: Any) -> None:
        group = self._change(ReplicationGroupId, now=request.pop("ApplyImmediately"))
        if "AuthToken" in request:
            self._set_token(group, request["AuthToken"], request["AuthTokenUpdateStrategy"])
        if "TransitEncryptionEnabled" in request:
            self._set_tls(group, request)
        for key, flag in (("AutomaticFailoverEnabled", "AutomaticFailover"), ("MultiAZEnabled", "MultiAZ")):
            if key in request:
                group[flag] = "enabled" if request[key] else "disabled"
        if "PrimaryClusterId" in request:
            self._promote(group, request["PrimaryClusterId"])
        for key, name in (("ReplicationGroupDescription", "Description"), ("CacheNodeType", "CacheNodeType")):
            if key in request:
                group[name] = request[key]
        for key in ("SnapshotRetentionLimit", "SnapshotWindow", "AutoMinorVersionUpgrade"):
            if key in request:
                group[key] = request[key]
        self._set_members(group, request)

    def _set_members(self, group: dict[str, Any], request: dict[str, Any]) -> None:
        common = group["common"]
        if "EngineVersion" in request:
            common["EngineVersion"] = f"{request['EngineVersion']}.1"
        if "CacheParameterGroupName" in request:
            common["CacheParameterGroup"] = {"CacheParameterGroupName": request["CacheParameterGroupName"]}
        if "SecurityGroupIds" in request:
            common["SecurityGroups"] = [{"SecurityGroupId": sg} for sg in request["SecurityGroupIds"]]
        if "PreferredMaintenanceWindow" in request:
            common["PreferredMaintenanceWindow"] = request["PreferredMaintenanceWindow"]
        for name in group["MemberClusters"]:
            self.members[name] = dict(common)

    def _set_token(self, group: dict[str, Any], token: str, strategy: str) -> None:
        have = self.tokens[group["ReplicationGroupId"]]
        if strategy == "SET" and have and token not in have:
            raise refuse("InvalidParameterValue", "SET takes a token that was added by ROTATE")
        self.tokens[group["ReplicationGroupId"]] = [token] if strategy == "SET" else [*have[-1:], token]
        group["AuthTokenEnabled"] = True

    def _set_tls(self, group: dict[str, Any], request: dict[str, Any]) -> None:
        order = ["disabled", "preferred", "required"]
        have = group.get("TransitEncryptionMode", "required") if group["TransitEncryptionEnabled"] else "disabled"
        want = request.get("TransitEncryptionMode", "required") if request["TransitEncryptionEnabled"] else "disabled"
        if abs(order.index(have) - order.index(want)) != 1:
            raise refuse("InvalidParameterCombination", f"transit encryption cannot go from {have} to {want}")
        group["TransitEncryptionEnabled"], group["TransitEncryptionMode"] = want != "disabled", want

    def _promote(self, group: dict[str, Any], name: str) -> None:
        if group["AutomaticFailover"] == "enabled":
            raise refuse("InvalidReplicationGroupState", "automatic failover is on")
        for member in group["NodeGroups"][0]["NodeGroupMembers"]:
            member["CurrentRole"] = "primary" if member["CacheClusterId"] == name else "replica"

    def test_failover(self, ReplicationGroupId: str, NodeGroupId: str) -> None:
        group = self._change(ReplicationGroupId)
        assert NodeGroupId == "0001"
        for member in group["NodeGroups"][0]["NodeGroupMembers"]:
            member["CurrentRole"] = "replica" if member["CurrentRole"] == "primary" else "primary"

    def increase_replica_count(self, ReplicationGroupId: str, NewReplicaCount: int, ApplyImmediately: bool) -> None:
        group = self._change(ReplicationGroupId, now=ApplyImmediately)
        while len(group["MemberClusters"]) <= NewReplicaCount:
            self._add_member(group, "replica")

    def decrease_replica_count(self, ReplicationGroupId: str, NewReplicaCount: int, ApplyImmediately: bool) -> None:
        group = self._change(ReplicationGroupId, now=ApplyImmediately)
        if NewReplicaCount == 0 and group["AutomaticFailover"] == "enabled":
            raise refuse("InvalidParameterCombination", "automatic failover needs a replica")
        del group["MemberClusters"][NewReplicaCount + 1 :]
        del group["NodeGroups"][0]["NodeGroupMembers"][NewReplicaCount + 1 :]

    def delete_replication_group(
        self,
        ReplicationGroupId: str,
        RetainPrimaryCluster: bool,
        FinalSnapshotIdentifier: str | None = None,
    ) -> None:
        assert RetainPrimaryCluster is False
        self._settle(self._change(ReplicationGroupId), "deleting")

    def describe_cache_clusters(self, CacheClusterId: str, ShowCacheNodeInfo: bool) -> dict[str, Any]:
        if CacheClusterId not in self.members:
            raise refuse("CacheClusterNotFound", CacheClusterId)
        return {"CacheClusters": [{"CacheClusterId": CacheClusterId, **self.members[CacheClusterId]}]}

    def describe_events(self, **_request: Any) -> dict[str, Any]:
        return {"Events": [{"Message": message} for message in self.event_messages]}

    def describe_key(self, KeyId: str) -> dict[str, Any]:
        if KeyId not in self.keys:
            raise refuse("NotFoundException", f"{KeyId} is not found")
        return {"KeyMetadata": {"Arn": f"arn:aws:kms:ap-northeast-2:000000000000:key/{self.keys[KeyId]}"}}

    # Tags, subnet groups, parameter groups, secrets

    def list_tags_for_resource(self, ResourceName: str) -> dict[str, Any]:
        tags = {"aws:owner": "amazon", **self.tags[ResourceName]}
        return {"TagList": [{"Key": key, "Value": value} for key, value in tags.items()]}

    def add_tags_to_resource(self, ResourceName: str, Tags: list[dict[str, str]]) -> None:
        self.tags[ResourceName].update({tag["Key"]: tag["Value"] for tag in Tags})

    def remove_tags_from_resource(self, ResourceName: str, TagKeys: list[str]) -> None:
        for key in TagKeys:
            assert not key.startswith("aws:")
            del self.tags[ResourceName][key]

    def describe_cache_subnet_groups(self, CacheSubnetGroupName: str) -> dict[str, Any]:
        if CacheSubnetGroupName not in self.subnet_groups:
            raise refuse("CacheSubnetGroupNotFoundFault", CacheSubnetGroupName)
        subnets = [{"SubnetIdentifier": subnet} for subnet in self.subnet_groups[CacheSubnetGroupName]]
        return {"CacheSubnetGroups": [{"Subnets": subnets}]}

    def create_cache_parameter_group(
        self,
        CacheParameterGroupName: str,
        CacheParameterGroupFamily: str,
        Description: str,
        Tags: list[dict[str, str]],
    ) -> None:
        arn = f"{ARN}:parametergroup:{CacheParameterGroupName}"
        self.tags[arn] = {tag["Key"]: tag["Value"] for tag in Tags}
        self.parameter_groups[CacheParameterGroupName] = {
            "CacheParameterGroupFamily": CacheParameterGroupFamily,
            "ARN": arn,
            "values": {"maxmemory-policy": "volatile-lru", "timeout": "0", "lua-replicate-commands": "yes"},
        }

    def _parameter_group(self, name: str) -> dict[str, Any]:
        if name not in self.parameter_groups:
            raise refuse("CacheParameterGroupNotFound", name)
        return self.parameter_groups[name]

    def describe_cache_parameter_groups(self, CacheParameterGroupName: str) -> dict[str, Any]:
        return {"CacheParameterGroups": [self._parameter_group(CacheParameterGroupName)]}

    def describe_cache_parameters(self, CacheParameterGroupName: str, Marker: str = "") -> dict[str, Any]:
        """Two pages, so that paging is exercised."""
        values = self._parameter_group(CacheParameterGroupName)["values"]
        entries = [
            {"ParameterName": key, "ParameterValue": value, "IsModifiable": key != "lua-replicate-commands"}
            for key, value in values.items()
        ]
        return {"Parameters": entries[1:]} if Marker else {"Parameters": entries[:1], "Marker": "more"}

    def modify_cache_parameter_group(
        self,
        CacheParameterGroupName: str,
        ParameterNameValues: list[dict[str, str]],
    ) -> None:
        values = self._parameter_group(CacheParameterGroupName)["values"]
        values.update({pair["ParameterName"]: pair["ParameterValue"] for pair in ParameterNameValues})

    def delete_cache_parameter_group(self, CacheParameterGroupName: str) -> None:
        del self.parameter_groups[CacheParameterGroupName]

    def describe_secret(self, SecretId: str) -> dict[str, Any]:
        if SecretId not in self.secrets:
            raise refuse("ResourceNotFoundException", SecretId)
        return {"VersionIdsToStages": {"old": ["AWSPREVIOUS"], self.secrets[SecretId]: ["AWSCURRENT"]}}
