#!/bin/sh
# The floor: what a plain shell script needs to install K3s on hosts that answer, and to see every node Ready.
# It does only that: no check of what is there, no hardening, no proof of the binary, nothing to run a second time.
# Arguments: server|agent <file or https address of the binary> [<server address>]; the token comes on standard input, first line.
set -eu
role=$1 artifact=$2 server=${3:-}
read -r token
case $artifact in
  https://*)
    curl -sfL -o /usr/local/bin/k3s "$artifact"
    chmod 0755 /usr/local/bin/k3s
    ;;
  *) install -m 0755 "$artifact" /usr/local/bin/k3s ;;
esac
umask 077
mkdir -p /etc/rancher/k3s
printf '%s\n' "$token" > /etc/rancher/k3s/token
{
  echo 'token-file: /etc/rancher/k3s/token'
  if [ "$role" = server ]; then echo 'cluster-init: true'; else echo "server: https://$server:6443"; fi
} > /etc/rancher/k3s/config.yaml
cat > /etc/systemd/system/k3s.service <<UNIT
[Service]
Type=notify
KillMode=process
Delegate=yes
LimitNOFILE=infinity
TimeoutStartSec=0
ExecStart=/usr/local/bin/k3s $role
UNIT
systemctl daemon-reload
systemctl start k3s
