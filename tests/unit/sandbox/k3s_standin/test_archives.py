from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from pathlib import Path

from sandbox.k3s_standin import archives


def test_images_with_the_same_files_share_a_layer(tmp_path: Path) -> None:
    binary = tmp_path / "binary"
    binary.write_text("x")
    images = [
        archives.Image("docker.io/a:1", {"/bin/a": binary}, ["/bin/a"], "65535"),
        archives.Image("docker.io/b:1", {"/bin/a": binary}, ["/bin/a", "b"]),
    ]
    target = tmp_path / "images.tar"
    archives.write_images(images, target)
    with tarfile.open(target) as archive:
        manifest = json.load(archive.extractfile("manifest.json"))  # type: ignore[arg-type]
        layer = archive.extractfile(manifest[0]["Layers"][0])
        config = json.load(archive.extractfile(manifest[0]["Config"]))  # type: ignore[arg-type]
        with tarfile.open(fileobj=layer) as content:
            assert content.getmember("bin/a").mode == 0o755
    assert manifest[0]["Layers"] == manifest[1]["Layers"]
    assert [entry["RepoTags"] for entry in manifest] == [["docker.io/a:1"], ["docker.io/b:1"]]
    assert config["config"]["User"] == "65535"
    assert config["rootfs"]["diff_ids"] == [f"sha256:{manifest[0]['Layers'][0].partition('/')[0]}"]


def test_self_extracting_file_runs(tmp_path: Path) -> None:
    target = tmp_path / "k3s"
    archives.write_self_extracting({"__main__.py": b"print('ran')", "bin/x": b"y"}, target)
    assert target.stat().st_mode & 0o111
    done = subprocess.run([sys.executable, str(target)], capture_output=True, text=True, check=True)
    assert done.stdout == "ran\n"


def test_entry_unpacks_whole_and_once(tmp_path: Path) -> None:
    package = Path(archives.__file__).parent / "k3s"
    target = tmp_path / "k3s"
    large = bytes(range(256)) * 20_000
    files: dict[str, Path | bytes] = {
        "__main__.py": package / "__main__.py",
        "bin/kube": large,
        "components": b"kubectl etcd",
        "version": b"k3s version v9 (standin)\ngo version go1\n",
        "digest": b"abc",
    }
    archives.write_self_extracting(files, target)
    done = subprocess.run([sys.executable, str(target), "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("k3s version v9")
    code = (
        "import sys, zipfile, pathlib; sys.path.insert(0, sys.argv[1]); import __main__ as m\n"
        "from importlib.util import spec_from_file_location as f, module_from_spec as g\n"
        f"s = f('entry', {str(package / '__main__.py')!r}); e = g(s); s.loader.exec_module(e)\n"
        "d = pathlib.Path(sys.argv[2]); a = zipfile.ZipFile(sys.argv[1])\n"
        "print(e.unpack(a, 'abc', d)); print(e.unpack(a, 'abc', d))\n"
    )
    data = tmp_path / "data-dir"
    subprocess.run([sys.executable, "-c", code, str(target), str(data)], check=True, capture_output=True)
    home = data / "data" / "abc"
    assert (home / "bin" / "kubectl").read_bytes() == large
    assert (home / "bin" / "kube").stat().st_mode & 0o111
    assert sorted(path.name for path in (data / "data").iterdir()) == ["abc", "current"]


def test_a_tool_that_is_not_there_is_not_looked_for_by_path(tmp_path: Path) -> None:
    """There stands the link that leads back to k3s."""
    entry = Path(archives.__file__).parent / "k3s" / "__main__.py"
    link = tmp_path / "crictl"
    link.write_text("#!/bin/sh\necho once more\n")
    link.chmod(0o755)
    code = (
        "from importlib.util import spec_from_file_location as f, module_from_spec as g; import pathlib\n"
        f"s = f('entry', {str(entry)!r}); e = g(s); s.loader.exec_module(e)\n"
        f"e.runtime('crictl', pathlib.Path({str(tmp_path / 'home')!r}), ['ps'])\n"
    )
    told = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", code], env=told, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "crictl is not part of the stand-in" in done.stderr
