"""The only place where images and repositories are asked of ECR, and changed there."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

try:
    from botocore.exceptions import ClientError
except ImportError:  # the module reports the missing library
    ClientError = Exception  # type: ignore[assignment,misc]

from ansible_collections.tiketi.platform.plugins.module_utils._container_image.engine import Access
from ansible_collections.tiketi.platform.plugins.module_utils._container_image.model import Image
from ansible_collections.tiketi.platform.plugins.module_utils._container_image.repository import Action, Current, Wanted

THREADS = 8


def _code(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])


class Registry:
    """The registry of one account and region."""

    def __init__(self, client: Any) -> None:
        self._client = client

    # Images

    def find(self, images: Sequence[Image], tags: Mapping[str, str]) -> tuple[dict[tuple[str, str], str], list[str]]:
        """What is there, in one call a repository, and which repositories are not."""
        wanted: dict[str, tuple[Image, set[str]]] = {}
        for image in images:
            wanted.setdefault(image.repository, (image, set()))[1].add(tags[image.name])
        found: dict[tuple[str, str], str] = {}
        absent = []
        for repository, (image, names) in wanted.items():
            try:
                answer = self._client.batch_get_image(
                    registryId=image.account,
                    repositoryName=image.repository_name,
                    imageIds=[{"imageTag": name} for name in sorted(names)],
                )
            except ClientError as error:
                if _code(error) != "RepositoryNotFoundException":
                    raise
                absent.append(image.repository_name)
                continue
            ids = [entry["imageId"] for entry in answer.get("images", [])]
            found |= {(repository, entry["imageTag"]): entry["imageDigest"] for entry in ids}
        return found, absent

    def access(self) -> Access:
        """ECR says where its registry is; the usual host is the one in every reference already."""
        data = self._client.get_authorization_token()["authorizationData"][0]
        host = str(data["proxyEndpoint"]).partition("://")[2].rstrip("/")
        return Access(token=str(data["authorizationToken"]), host="" if ".dkr.ecr." in host else host)

    # Repositories

    def address(self, name: str) -> str:
        """The address that a repository will have."""
        registry = self._client.describe_registry()["registryId"]
        suffix = "amazonaws.com.cn" if self._client.meta.partition == "aws-cn" else "amazonaws.com"
        return f"{registry}.dkr.ecr.{self._client.meta.region_name}.{suffix}/{name}"

    def read(self, names: Sequence[str]) -> dict[str, Current]:
        with ThreadPoolExecutor(THREADS) as pool:
            found = dict(zip(names, pool.map(self._read_one, names), strict=True))
        return {name: current for name, current in found.items() if current is not None}

    def apply(self, action: Action, wanted: Wanted, current: Current | None) -> str:
        name = action.name
        address = current.address if current else ""
        if action.create:
            answer = self._client.create_repository(
                repositoryName=name,
                imageTagMutability=wanted.mutability,
                imageScanningConfiguration={"scanOnPush": wanted.scan_on_push},
                encryptionConfiguration=wanted.encryption,
                tags=_tags(action.changes["tags"]),
            )["repository"]
            address = str(answer["repositoryUri"])
        elif "tags" in action.changes and current:
            self._client.tag_resource(resourceArn=current.arn, tags=_tags(action.changes["tags"]))
        if not action.create and "mutability" in action.changes:
            self._client.put_image_tag_mutability(repositoryName=name, imageTagMutability=wanted.mutability)
        if not action.create and "scan_on_push" in action.changes:
            scan = {"scanOnPush": wanted.scan_on_push}
            self._client.put_image_scanning_configuration(repositoryName=name, imageScanningConfiguration=scan)
        if "lifecycle" in action.changes:
            self._client.put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=json.dumps(wanted.lifecycle))
        return address

    def _read_one(self, name: str) -> Current | None:
        try:
            about = self._client.describe_repositories(repositoryNames=[name])["repositories"][0]
        except ClientError as error:
            if _code(error) == "RepositoryNotFoundException":
                return None
            raise
        tags = self._client.list_tags_for_resource(resourceArn=about["repositoryArn"]).get("tags", [])
        return Current(
            address=about["repositoryUri"],
            arn=about["repositoryArn"],
            mutability=about["imageTagMutability"],
            scan_on_push=about.get("imageScanningConfiguration", {}).get("scanOnPush", False),
            encryption=about.get("encryptionConfiguration", {}),
            lifecycle=self._lifecycle(name),
            tags={tag["Key"]: tag["Value"] for tag in tags},
        )

    def _lifecycle(self, name: str) -> dict[str, Any]:
        try:
            text = self._client.get_lifecycle_policy(repositoryName=name)["lifecyclePolicyText"]
        except ClientError as error:
            if _code(error) == "LifecyclePolicyNotFoundException":
                return {}
            raise
        policy: dict[str, Any] = json.loads(text)
        return policy


def _tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]
