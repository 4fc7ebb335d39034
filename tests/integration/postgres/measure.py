"""Seconds of each step of a move of the example's database between two servers of this machine.

.venv/bin/python tests/integration/postgres/measure.py [reservations]
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[2]), str(HERE.parents[2] / "collections")]

from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore.model import Options  # noqa: E402
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore.run import restore  # noqa: E402

from tests.integration.pg_clusters import DATABASE, make_clusters, run_psql  # noqa: E402


def main(rows: int) -> None:
    with make_clusters(on_disk=True) as (old, new), tempfile.TemporaryDirectory() as folder:
        old.execute("CREATE DATABASE tiketi")
        new.execute("CREATE DATABASE tiketi OWNER master")
        began = time.monotonic()
        run_psql(old, "tiketi", DATABASE / "schema.sql", DATABASE / "seed.sql", scale=str(rows))
        print(f"seed: {time.monotonic() - began:.1f} s", flush=True)
        source, target = old.endpoint("tiketi", "postgres"), new.endpoint("tiketi")
        if os.environ.get("HOLD"):
            print(old, new, flush=True)
            time.sleep(float(os.environ["HOLD"]))
        for step in ("plan", "dump", "restore", "verify", "all"):
            began = time.monotonic()
            result = restore(source, target, Path(folder) / "work", Options(), step, False)
            print(f"{step}: {time.monotonic() - began:.2f} s; {result['message']}", flush=True)
        began = time.monotonic()
        pipe = (
            f"pg_dump -h {old.data} -p {old.port} -U postgres tiketi"
            f" | psql -q -X -o /dev/null -h {new.data} -p {new.port} -U postgres plain 2>/dev/null"
        )
        new.execute("CREATE DATABASE plain")
        subprocess.run(["bash", "-c", pipe], check=True, env=os.environ | {"PGPASSWORD": "admin"})
        print(f"for comparison, pg_dump | psql without any proof: {time.monotonic() - began:.1f} s")


if __name__ == "__main__":
    if not shutil.which("runuser"):
        sys.exit("run as root: the servers run as user postgres")
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
