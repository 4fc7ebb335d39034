"""Options that the modules of a move without downtime share."""

from __future__ import annotations


class ModuleDocFragment:
    """Both ends, and how the move is done."""

    DOCUMENTATION = r"""
options:
  publisher:
    description:
      - How the target reaches the source, for the subscription. What is left out is as in O(source).
      - Aurora cannot be given a certificate authority for this leg, so it is encrypted but not verified by default, and the result says so.
    type: dict
    suboptions: &peer
      host:
        description: Name or address.
        type: str
      port:
        description: Port.
        type: int
      username:
        description: Login with the attribute REPLICATION.
        type: str
      password:
        description: Its password.
        type: str
      sslmode:
        description: How the server is verified on this leg; V(verify-full) where V(ca_file) is given, else V(require).
        type: str
        choices: [require, verify-ca, verify-full]
      ca_file:
        description: File with the certificate authority on the subscriber's machine.
        type: str
        default: ""
  returner:
    description:
      - How the source reaches the target, for the way back after the cutover. What is left out is as in O(target), encrypted but not verified, and the result
        says so. With O(returner.ca_file), a file that the source's server can read where it runs, it can verify the target; the preflight tries that.
    type: dict
    suboptions: *peer
  jobs:
    description:
      - Workers that copy, build indexes and compare.
    type: int
    default: 4
  part_bytes:
    description:
      - Tables larger than this many bytes are copied in parts of about this size.
    type: int
    default: 268435456
  maintenance_work_mem:
    description:
      - Memory of each index build on the target.
    type: str
    default: 256MB
  rate_limit:
    description:
      - Bytes a second that all workers together read from the source; V(0) is no limit.
    type: int
    default: 0
  source_latency_limit:
    description:
      - Seconds that a trivial transaction on the source may take before the copy pauses; V(0) is no limit.
    type: float
    default: 0.0
  max_lag:
    description:
      - Bytes that the target may be behind before a cutover begins.
    type: int
    default: 16777216
  follow_timeout:
    description:
      - Seconds to wait for the target to catch up.
    type: float
    default: 3600.0
  freeze_budget:
    description:
      - Seconds that nobody may be able to write. A cutover that would need more is not begun, one that needs more is called off.
    type: float
    default: 30.0
  compare:
    description:
      - What is compared while nobody writes. V(changed) compares the rows that changed since the online verification, and does not
        grow with the data; V(full) compares everything.
    type: str
    choices: [changed, full]
    default: changed
  sequence_margin:
    description:
      - Sequences go on this many steps after the source's last value.
    type: int
    default: 1000
  application_roles:
    description:
      - Logins of applications, which cannot log in while nobody may write.
    type: list
    elements: str
    default: []
  left_extension_tables:
    description:
      - Tables of extensions whose rows an operator carries over by hand after the cutover. Those of pg_cron and pg_partman (C(cron.job),
        C(partman.part_config)) have to be, since a worker of the target would act on them before. All other rows that an
        extension keeps for its users are copied, those that C(pg_dump) would copy, with the seed and once more in the freeze; a table that
        may not be read or written stops the preflight until it is named here.
    type: list
    elements: str
    default: []
  slot_wal_limit:
    description:
      - Bytes of WAL that the source keeps for the target at most, where it has no limit yet. A move that is lost beats a full disk.
    type: int
    default: 10737418240
  lock_wait:
    description:
      - Seconds to wait for another run of the same move on this host.
    type: float
    default: 0.0
  client_folder:
    description:
      - Folder of C(pg_dump) and C(pg_restore). Empty looks where Debian and PGDG put the target's major version.
    type: str
    default: ""
  folder:
    description:
      - Private folder of the journal. It holds no data and no password.
    type: path
    default: /var/lib/platform_migration
  run_folder:
    description:
      - Private folder in memory for what the workers need to connect, while they run.
    type: path
    default: /run/platform_migration
  pooler:
    description:
      - PgBouncer on this host, through which applications reach the database. It holds them while nobody may write, so that none of
        their requests fails.
    type: dict
    suboptions:
      database:
        description: Name of the pool.
        type: str
        required: true
      admin_socket:
        description: Folder of the unix socket of the admin console.
        type: path
        default: /var/run/postgresql
      admin_port:
        description: Port that names the socket.
        type: int
        default: 6432
      active_file:
        description: The file of role pgbouncer that says which server is active.
        type: path
        required: true
      pause_timeout:
        description: Seconds that running transactions get to end.
        type: float
        default: 5.0
  attach:
    description:
      - Seconds to wait for O(verb=seed), O(verb=follow) or O(verb=verify), which go on without this run; V(0) waits until it ends. The
        action plugin of the module waits in slices, and shows the progress.
    type: float
    default: 0.0
  restart:
    description:
      - With O(verb=seed), give up what was copied and begin anew. Needed when the snapshot was lost.
    type: bool
    default: false
  rehearse:
    description:
      - With O(verb=cutover), do everything up to the verdict, then let users write to the source again.
    type: bool
    default: false
  clean_target:
    description:
      - With O(verb=finish) before a cutover or after a rollback, drop what was copied, of Redis too where it is moved along.
    type: bool
    default: false
requirements:
  - psycopg >= 3.1 (Debian python3-psycopg)
  - PostgreSQL client of the target's major version
"""
