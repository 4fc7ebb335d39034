"""static_site_sync against moto, with the edge in memory."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.tiketi.platform.plugins.module_utils._static_site import files, plan, sync
from ansible_collections.tiketi.platform.plugins.module_utils._static_site.plan import Remote
from ansible_collections.tiketi.platform.plugins.module_utils._static_site.retired import Retired, retire

from .conftest import Run, client

BUCKET = "shop-site"
IMMUTABLE = "public, max-age=31536000, immutable"
RULES = [
    {"pattern": r"[.-][0-9a-f]{8,}\.\w+$", "cache_control": IMMUTABLE},
    {"pattern": r"\.html$", "cache_control": "no-cache"},
    {"pattern": "", "cache_control": "public, max-age=300"},
]


class Edge:
    """Takes invalidations, and fails when it is told to."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.down = False

    def create_invalidation(self, InvalidationBatch: dict[str, Any], **_: Any) -> dict[str, Any]:  # noqa: N803
        if self.down:
            raise KeyboardInterrupt
        self.batches.append(InvalidationBatch["Paths"]["Items"])
        return {"Invalidation": {"Id": "I1"}}

    def get_invalidation(self, **_: Any) -> dict[str, Any]:
        return {"Invalidation": {"Status": "Completed"}}


@pytest.fixture
def edge(monkeypatch: pytest.MonkeyPatch) -> Edge:
    made = Edge()
    plain = AnsibleAWSModule.client

    def choose(self: Any, service: str, **options: Any) -> Any:
        return made if service == "cloudfront" else plain(self, service, **options)

    monkeypatch.setattr(AnsibleAWSModule, "client", choose)
    return made


@pytest.fixture
def wish(run: Run, folder: Path) -> dict[str, Any]:
    client().create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "ap-northeast-2"})
    return {"bucket": BUCKET, "source": str(folder), "cache_rules": RULES, "distribution_id": "E1"}


def keys() -> set[str]:
    return {row["Key"] for row in client().list_objects_v2(Bucket=BUCKET).get("Contents", [])}


def test_first_upload_second_run_and_check_mode(run: Run, edge: Edge, wish: dict[str, Any]) -> None:
    seen = run("static_site_sync", check=True, **wish)
    assert len(seen["uploaded"]) == 4
    assert keys() == set()
    done = run("static_site_sync", **wish)
    order = [row["key"] for row in done["uploaded"]]
    assert order == ["assets/app.0123abcd.js", "favicon.svg", "help.html", "index.html"]
    assert edge.batches == [], "nothing that is new can be in a cache"
    head = client().head_object(Bucket=BUCKET, Key="assets/app.0123abcd.js")
    assert (head["ContentType"], head["CacheControl"]) == ("text/javascript; charset=utf-8", IMMUTABLE)
    for check in (True, False):
        again = run("static_site_sync", check=check, **wish)
        assert (again["changed"], again["unchanged"]) == (False, 4)


def test_a_new_build_invalidates_what_changed_and_removes_orphans_last(
    run: Run, edge: Edge, wish: dict[str, Any], folder: Path
) -> None:
    run("static_site_sync", **wish)
    (folder / "assets" / "app.0123abcd.js").rename(folder / "assets" / "app.99999999.js")
    (folder / "index.html").write_text("<script src=/assets/app.99999999.js>")
    (folder / "favicon.svg").unlink()
    expected = run("static_site_sync", check=True, **wish)
    done = run("static_site_sync", **wish)
    for name in ("uploaded", "removed", "invalidated"):
        assert expected[name] == done[name]
    assert [row["key"] for row in done["uploaded"]] == ["assets/app.99999999.js", "index.html"]
    assert done["removed"] == ["assets/app.0123abcd.js", "favicon.svg"]
    assert edge.batches == [["/", "/index.html"], ["/favicon.svg"]], "a hashed asset needs no invalidation when it goes"
    assert keys() == {"assets/app.99999999.js", "help.html", "index.html"}
    assert run("static_site_sync", **wish)["changed"] is False


def test_a_run_killed_before_the_invalidation_is_made_good_by_the_next(
    run: Run, edge: Edge, wish: dict[str, Any], folder: Path
) -> None:
    run("static_site_sync", **wish)
    (folder / "help.html").write_text("more help")
    edge.down = True
    with pytest.raises(KeyboardInterrupt):
        run("static_site_sync", **wish)
    edge.down = False
    assert run("static_site_sync", check=True, **wish)["invalidated"] == ["/help.html"]
    done = run("static_site_sync", **wish)
    assert (done["changed"], done["uploaded"], done["removed"]) == (True, [], [])
    assert edge.batches == [["/help.html"]]
    assert run("static_site_sync", **wish)["changed"] is False


def test_a_header_that_differs_is_noticed_and_a_file_of_another_hand_replaced(
    run: Run, edge: Edge, wish: dict[str, Any]
) -> None:
    run("static_site_sync", **wish)
    client().put_object(Bucket=BUCKET, Key="help.html", Body=b"help", ContentType="text/html; charset=utf-8")
    rules = [*RULES[:2], {"pattern": "", "cache_control": "public, max-age=60"}]
    seen = run("static_site_sync", **{**wish, "cache_rules": rules})["uploaded"]
    assert {row["key"]: row["reason"] for row in seen} == {"favicon.svg": "cache control", "help.html": "content"}


def test_a_build_that_is_not_there_wipes_nothing_out(run: Run, wish: dict[str, Any], folder: Path) -> None:
    run("static_site_sync", **wish)
    (folder / "index.html").unlink()
    (folder / "out.txt").symlink_to("/etc/hostname")
    for fault, source in (
        ("leads out of", folder),
        ("no index.html", folder / "assets"),
        ("is no folder", folder / "x"),
    ):
        seen = run("static_site_sync", **{**wish, "source": str(source)})
        assert fault in seen["msg"]
        assert "Mend:" in seen["msg"]
    assert len(keys()) == 4


def test_a_bucket_that_is_not_there(run: Run, wish: dict[str, Any]) -> None:
    other = {**wish, "bucket": "other-site"}
    assert len(run("static_site_sync", check=True, **other)["uploaded"]) == 4
    assert "Bucket other-site does not exist. Mend: make it first" in run("static_site_sync", **other)["msg"]


def test_paths_are_quoted_and_many_become_all() -> None:
    assert plan.paths(["a b/index.html", "ü.txt"], 30) == ["/%C3%BC.txt", "/a%20b/", "/a%20b/index.html"]
    assert plan.paths([f"{number}.html" for number in range(31)], 30) == ["/*"]
    assert plan.paths([], 30) == []


def test_an_orphan_stays_where_delete_is_off() -> None:
    assert not plan.plan([], {"old.js": Remote(1)}, delete=False)
    assert plan.plan([], {"old.js": Remote(1)}, delete=True).stale == ("old.js",)


@pytest.mark.parametrize(
    ("key", "wanted"),
    [
        ("a.JS", "text/javascript; charset=utf-8"),
        ("a.woff2", "font/woff2"),
        ("a.wasm", "application/wasm"),
        ("site.webmanifest", "application/manifest+json; charset=utf-8"),
        ("a.png", "image/png"),
        ("LICENSE", "application/octet-stream"),
        ("a.pdf", "application/x-own"),
    ],
)
def test_content_types_do_not_depend_on_the_controller(key: str, wanted: str) -> None:
    assert files.content_type(key, {".pdf": "application/x-own"}) == wanted


def test_an_asset_of_the_build_before_stays_for_open_pages_and_goes_when_its_days_are_over(
    run: Run, edge: Edge, wish: dict[str, Any], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = {**wish, "keep_old_days": 7}
    run("static_site_sync", **kept)
    old = folder / "assets" / "app.0123abcd.js"
    old.rename(folder / "assets" / "app.99999999.js")
    (folder / "favicon.svg").unlink()
    for check in (True, False):
        done = run("static_site_sync", check=check, **kept)
        assert (done["removed"], done["kept"]) == (["favicon.svg"], ["assets/app.0123abcd.js"])
    assert "assets/app.0123abcd.js" in keys()
    for check in (True, False):
        assert run("static_site_sync", check=check, **kept)["changed"] is False
    later = time.time() + 7 * 86_400 + 60
    monkeypatch.setattr(sync.time, "time", lambda: later)
    assert run("static_site_sync", check=True, **kept)["removed"] == ["assets/app.0123abcd.js"]
    done = run("static_site_sync", **kept)
    assert (done["changed"], done["removed"], done["kept"]) == (True, ["assets/app.0123abcd.js"], [])
    assert keys() == {"assets/app.99999999.js", "help.html", "index.html"}
    assert run("static_site_sync", **kept)["changed"] is False


def test_an_asset_that_comes_back_is_retired_anew() -> None:
    known = {"a.js": 1.0, "b.js": 2.0}
    assert retire(["b.js", "c.js"], known, 7, 100.0) == Retired({"b.js": 2.0, "c.js": 100.0})
    assert retire(["b.js"], known, 0, 100.0) == Retired({}, frozenset({"b.js"}))
