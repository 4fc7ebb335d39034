"""The front end behind CloudFront: made, served, changed, loaded and removed, with the unchanged playbook.

It has an inventory of its own, beside the stages. What the edge serves is asked for at MiniStack's port, by the distribution's
name; MiniStack evaluates the function and the bucket's policy for each request.
"""

from __future__ import annotations

import http.client
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
import yaml

from tests.e2e.support import PLAYBOOK, ROOT, SANDBOX, environment, recap

SITE = ROOT / "examples" / "tiketi" / "frontend" / "site"
NAME = "edge-e2e-site"
pytestmark = pytest.mark.full  # that of the stage single is in what make test runs
INVENTORY = {
    "all": {
        "children": {
            "edge": {
                "hosts": {
                    "account": {
                        "ansible_connection": "local",
                        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
                    }
                }
            }
        }
    }
}


@dataclass(frozen=True)
class Stage:
    """A folder with the inventory, the built front end and the state of this test."""

    folder: Path

    @property
    def site(self) -> Path:
        return self.folder / "site"

    def play(
        self, *arguments: str, playbook: str = "playbooks/edge.yml"
    ) -> tuple[subprocess.CompletedProcess[str], int]:
        """The run and how much it changed."""
        done = subprocess.run(
            [PLAYBOOK, playbook, "-i", self.folder / "hosts.yml", "-e", f"@{SANDBOX / 'vars.yml'}",
             "-e", f"@{self.folder / 'values.yml'}", *arguments],
            cwd=ROOT, env=environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        counts = recap(done.stdout).get("account", {})
        return done, counts.get("changed", -1)

    def role(self, name: str, *arguments: str, **options: str) -> subprocess.CompletedProcess[str]:
        """One role, or one entry point of it."""
        task = {"name": "Run the role", "ansible.builtin.include_role": {"name": f"tiketi.platform.{name}", **options}}
        book = self.folder / "role.yml"
        book.write_text(yaml.safe_dump([{"hosts": "edge", "gather_facts": False, "tasks": [task]}]), encoding="utf-8")
        return self.play(*arguments, playbook=str(book))[0]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    made = Stage(tmp_path_factory.mktemp("edge"))
    shutil.copytree(SITE, made.site)
    values = {
        "platform_project": "edge",
        "platform_stage": "e2e",
        "platform_region": "ap-northeast-2",
        "platform_state_dir": str(made.folder / "state"),
        "static_site_source": str(made.site),
        "static_site_api_origin": "api.invalid",
    }
    (made.folder / "hosts.yml").write_text(yaml.safe_dump(INVENTORY), encoding="utf-8")
    (made.folder / "values.yml").write_text(yaml.safe_dump(values), encoding="utf-8")
    yield made
    if distributions():
        made.role("static_site", "-e", "static_site_remove_objects=true", tasks_from="remove")


def client(service: str) -> Any:
    env = environment()
    make: Any = boto3.client  # its annotations want the name of the service as a literal
    return make(
        service, env["AWS_REGION"], endpoint_url=env["AWS_ENDPOINT_URL"],
        aws_access_key_id=env["AWS_ACCESS_KEY_ID"], aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
    )  # fmt: skip


def distributions() -> list[dict[str, Any]]:
    rows = client("cloudfront").list_distributions()["DistributionList"].get("Items", [])
    return [row for row in rows if row["Comment"] == NAME]


def ask(path: str, scheme: str = "https") -> tuple[int, dict[str, str], str]:
    """What a viewer is answered who comes by that scheme."""
    parts = urlsplit(environment()["AWS_ENDPOINT_URL"])
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
    headers = {"Host": distributions()[0]["DomainName"], "X-Forwarded-Proto": scheme}
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    body = answer.read().decode("utf-8", "replace")
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, body


def test_check_mode_of_an_empty_account_goes_to_its_end_and_makes_nothing(stage: Stage) -> None:
    done, changed = stage.play("--check", "--diff")
    assert done.returncode == 0, done.stdout
    assert changed >= 6
    assert distributions() == []
    assert NAME not in str(client("s3").list_buckets()["Buckets"])


def test_the_site_is_made_and_a_second_run_changes_nothing(stage: Stage) -> None:
    done, changed = stage.play()
    assert done.returncode == 0, done.stdout
    assert changed >= 6
    for mode in ([], ["--check"]):
        done, changed = stage.play(*mode)
        assert (done.returncode, changed) == (0, 0), done.stdout


def test_pages_assets_and_paths_of_the_application_are_served_and_nothing_else(stage: Stage) -> None:
    page = (stage.site / "index.html").read_text()
    for path in ("/", "/index.html", "/events/12"):
        status, headers, body = ask(path)
        assert (status, headers["cache-control"], body) == (200, "no-cache", page)
    assert headers["strict-transport-security"]
    asset = re.findall(r"/assets/app\.[0-9a-f]{10}\.js", page)[0]
    status, headers, _ = ask(asset)
    assert (status, headers["content-type"]) == (200, "text/javascript; charset=utf-8")
    assert headers["cache-control"] == "public, max-age=31536000, immutable"
    assert ask("/assets/gone.0123456789.js")[0] == 403, "a file that is missing is no page"
    status, _, body = ask("/api/v1/events")
    assert status == 502, "the API's errors stay the API's"
    assert body != page
    assert ask("/", "http")[0] == 301


def test_without_an_api_its_paths_are_an_error_and_never_the_page(stage: Stage) -> None:
    done, changed = stage.play("-e", json.dumps({"static_site_api_origin": ""}))
    assert (done.returncode, changed) == (0, 1), done.stdout
    status, headers, body = ask("/api/v1/events")
    assert (status, headers["content-type"]) == (404, "application/json")
    assert json.loads(body)["error"] == "no_api"
    assert ask("/events/12")[0] == 200


def test_an_instance_is_reached_by_a_private_way_of_its_own(stage: Stage) -> None:
    """MiniStack keeps such origins and asks nothing by them, so what it would answer is not looked at."""
    rows = client("ec2").describe_instances()["Reservations"]
    ids = [one["InstanceId"] for row in rows for one in row["Instances"] if one["State"]["Name"] == "running"][:2]
    cloudfront = client("cloudfront")
    for number, one in enumerate(ids):
        values = {"static_site_api_instance": one, "static_site_api_protocol": "http-only"}
        done, changed = stage.play("-e", json.dumps(values))
        assert done.returncode == 0, done.stdout
        assert changed == (2, 3)[number], "the way and the distribution, and then the way to the instance before"
        again, changed = stage.play("-e", json.dumps(values))
        assert (again.returncode, changed) == (0, 0), again.stdout
        origins = {origin["Id"]: origin for origin in distributions()[0]["Origins"]["Items"]}
        ways = cloudfront.list_vpc_origins()["VpcOriginList"]["Items"]
        assert [way["OriginEndpointArn"].rpartition("/")[2] for way in ways] == [one]
        assert origins["api"]["VpcOriginConfig"]["VpcOriginId"] == ways[0]["Id"]
        assert "CustomOriginConfig" not in origins["api"]
    assert stage.play()[1] == 2
    assert not cloudfront.list_vpc_origins()["VpcOriginList"].get("Items")


def test_the_bucket_is_private_and_its_policy_names_this_distribution_only(stage: Stage) -> None:
    s3, row = client("s3"), distributions()[0]
    name = next(bucket["Name"] for bucket in s3.list_buckets()["Buckets"] if bucket["Name"].startswith(NAME))
    assert all(s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"].values())
    allow, deny = json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])["Statement"]
    assert allow["Principal"] == {"Service": "cloudfront.amazonaws.com"}
    assert allow["Condition"]["StringEquals"] == {"AWS:SourceArn": row["ARN"]}
    assert (deny["Effect"], deny["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def test_a_new_build_invalidates_only_what_changed(stage: Stage) -> None:
    cloudfront, found = client("cloudfront"), distributions()[0]["Id"]
    (stage.site / "robots.txt").write_text("User-agent: *\n", encoding="utf-8")
    (stage.site / "new.html").write_text("new", encoding="utf-8")
    done, changed = stage.play()
    assert (done.returncode, changed) == (0, 1), done.stdout
    batches = cloudfront.list_invalidations(DistributionId=found)["InvalidationList"]["Items"]
    paths = [
        cloudfront.get_invalidation(DistributionId=found, Id=batch["Id"])["Invalidation"]["InvalidationBatch"]["Paths"][
            "Items"
        ]
        for batch in batches
    ]
    assert paths == [["/robots.txt"]]
    assert ask("/new.html")[2] == "new"


def test_what_was_changed_by_hand_is_seen_and_put_right(stage: Stage) -> None:
    cloudfront, found = client("cloudfront"), distributions()[0]["Id"]
    answer = cloudfront.get_distribution_config(Id=found)
    config = {**answer["DistributionConfig"], "HttpVersion": "http1.1"}
    cloudfront.update_distribution(Id=found, IfMatch=answer["ETag"], DistributionConfig=config)
    done, changed = stage.play("--check", "--diff")
    assert changed == 1
    assert re.search(r"-\s+HttpVersion: http1.1\n\+\s+HttpVersion: http2and3", done.stdout), done.stdout
    assert stage.play()[1] == 1
    assert cloudfront.get_distribution_config(Id=found)["DistributionConfig"]["HttpVersion"] == "http2and3"


def test_the_edge_stands_the_load(stage: Stage) -> None:
    paths = [
        {"name": "page", "path": "/", "headers": {"X-Forwarded-Proto": "https"}, "contains": "<title>Tickets</title>"},
        {"name": "icon", "path": "/favicon.svg", "headers": {"X-Forwarded-Proto": "https"}},
    ]
    values = {
        "load_check_base_url": environment()["AWS_ENDPOINT_URL"],
        "load_check_host": distributions()[0]["DomainName"],
        "load_check_paths": paths,
        "load_check_requests": 200,
        "load_check_timeout": 30.0,
    }
    done = stage.role("load_check", "-e", json.dumps(values))
    assert done.returncode == 0, done.stdout
    report = json.loads((stage.folder / "state" / "load-check.json").read_text())
    assert (report["ok"], report["failed"]) == (200, 0)
    assert (stage.folder / "state" / "load-check.svg").read_text().startswith("<svg ")
    wrong = {**values, "load_check_paths": [{**paths[0], "contains": "no such words"}], "load_check_requests": 20}
    refused = stage.role("load_check", "-e", json.dumps(wrong))
    assert refused.returncode != 0
    assert "20 of 20 requests failed" in " ".join(refused.stdout.split())
    assert json.loads((stage.folder / "state" / "load-check.json").read_text())["failed"] == 20


def test_removal_is_refused_unless_told_and_leaves_nothing(stage: Stage) -> None:
    refused = stage.role("static_site", tasks_from="remove")
    assert refused.returncode != 0
    assert "static_site_remove_objects=true" in refused.stdout
    assert len(distributions()) == 1
    gone = stage.role("static_site", "-e", "static_site_remove_objects=true", tasks_from="remove")
    assert gone.returncode == 0, gone.stdout
    assert distributions() == []
    assert NAME not in str(client("s3").list_buckets()["Buckets"])
    assert NAME not in str(client("cloudfront").list_origin_access_controls()["OriginAccessControlList"].get("Items"))
