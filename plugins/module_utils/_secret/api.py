"""The only place where secrets are read from and written to Secrets Manager."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

try:
    from botocore.exceptions import ClientError
except ImportError:  # the module reports the missing library
    ClientError = Exception  # type: ignore[assignment,misc]

from ansible_collections.tiketi.platform.plugins.module_utils._aws.retry import patient
from ansible_collections.tiketi.platform.plugins.module_utils._secret.errors import SecretError
from ansible_collections.tiketi.platform.plugins.module_utils._secret.plan import Action, Current

THREADS = 8


class SecretsManager:
    """Secrets of one account and region."""

    def __init__(self, client: Any, kms_key_id: str = "") -> None:
        self._client = client
        self._kms = {"KmsKeyId": kms_key_id} if kms_key_id else {}

    def read(self, names: Sequence[str]) -> dict[str, Current]:
        with ThreadPoolExecutor(THREADS) as pool:
            found = dict(zip(names, pool.map(self._read_one, names), strict=True))
        return {name: secret for name, secret in found.items() if secret is not None}

    @patient
    def apply(self, action: Action, current: Mapping[str, Current]) -> None:
        made = {shape.key: shape.make() for shape in action.add}
        if action.create:
            text = json.dumps(made)
            tags = [{"Key": key, "Value": value} for key, value in action.tags.items()]
            self._client.create_secret(Name=action.name, SecretString=text, Tags=tags, **self._kms)
            return
        if made:
            text = json.dumps({**current[action.name].content, **made})
            self._client.put_secret_value(SecretId=action.name, SecretString=text)
        if action.tags:
            tags = [{"Key": key, "Value": value} for key, value in action.tags.items()]
            self._client.tag_resource(SecretId=action.name, Tags=tags)

    @patient
    def _read_one(self, name: str) -> Current | None:
        try:
            about = self._client.describe_secret(SecretId=name)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return None
            raise
        if about.get("DeletedDate"):
            raise SecretError(
                f"{name} is scheduled for deletion, so it can be neither read nor made anew. "
                f"Mend: aws secretsmanager restore-secret --secret-id {name}"
            )
        tags = {tag["Key"]: tag["Value"] for tag in about.get("Tags", [])}
        return Current(self._content(name), tags)

    def _content(self, name: str) -> dict[str, Any]:
        try:
            text = self._client.get_secret_value(SecretId=name).get("SecretString", "")
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            text = "{}"  # the secret was made without a value
        try:
            content = json.loads(text)
        except ValueError:
            content = None  # the text of the error would hold the value
        if not isinstance(content, dict):
            raise SecretError(
                f"{name} does not hold a JSON object. Mend: write one, or remove the secret to have it made anew."
            )
        return content
