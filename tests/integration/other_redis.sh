#!/bin/sh
# Brings servers that Debian 12 has not among its own into .cache/other-redis, for tests of a move from them: Valkey 8 (backports) and
# Redis 6.0 (Debian 11, with the libraries of that time). Nothing is installed. Where the archive is not reached, the tests are skipped.
set -eu
cd "$(dirname "$0")/../.."
into=$PWD/.cache/other-redis
[ -x "$into/redis-server-6" ] && exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/old" "$work/new"
keys=/usr/share/keyrings/debian-archive-keyring.gpg
{
  echo "deb [signed-by=$keys] http://deb.debian.org/debian bookworm-backports main"
  echo "deb [signed-by=$keys] http://deb.debian.org/debian bullseye main"
} >"$work/sources.list"
apt() {
  apt-get -qq -o "Dir::Etc::sourcelist=$work/sources.list" -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$work/lists" \
    -o "Dir::Cache=$work/cache" -o APT::Sandbox::User=root -o Acquire::Languages=none -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false "$@"
}
apt update
(cd "$work/new" && apt download valkey-tools/bookworm-backports)
(cd "$work/old" && apt download redis-tools/bullseye libhiredis0.14/bullseye libssl1.1/bullseye liblua5.1-0/bullseye lua-cjson/bullseye lua-bitop/bullseye)
for package in "$work"/new/*.deb; do dpkg-deb -x "$package" "$work/new"; done
for package in "$work"/old/*.deb; do dpkg-deb -x "$package" "$work/old"; done
mkdir -p "$into/lib"
# Each of these programs is all of them: it acts by its name.
install -m 0755 "$work/new/usr/bin/valkey-check-rdb" "$into/valkey-server"
install -m 0755 "$work/old/usr/bin/redis-check-rdb" "$into/redis-server"
find "$work/old/usr/lib" -name '*.so*' -exec cp -P {} "$into/lib/" ';'
cat >"$into/redis-server-6.new" <<SCRIPT
#!/bin/sh
LD_LIBRARY_PATH=$into/lib exec $into/redis-server "\$@"
SCRIPT
chmod 0755 "$into/redis-server-6.new"
mv "$into/redis-server-6.new" "$into/redis-server-6"
