#!/bin/sh
# Entrypoint of the gateway: runs k3s, and gives pods their grace when the container is stopped.
#
# `docker stop`, a reboot and a replacement send TERM to process 1. k3s alone would end at once and
# leave the pods to be killed with the container. Here the node is drained first: the kubelet ends
# each pod as its spec says, with its preStop hooks and its own grace, and nothing new is started.
# Then k3s ends. The next start opens the node again. Without an API to ask, every process that leads
# a container gets TERM. What is left after Docker's own stop timeout is killed by Docker.
#
# Pulumi's stop has scaled every sandbox to zero before: then there is next to nothing to wait for.
set -u

data=${SANDBOX_GATEWAY_DATA:-/var/lib/rancher/k3s}
staged=${SANDBOX_GATEWAY_TLS:-/etc/sandbox-gateway/tls}
# Says which gateway the volume belongs to: the fingerprint of its server authority.
marker=$data/.sandbox-gateway
# There from the beginning of a drain until the node is open again: a person's own cordon is kept.
drained=$data/.sandbox-gateway-drained
# Seconds a drain may take; the rest of Docker's stop timeout is for k3s.
drain_seconds=${SANDBOX_GATEWAY_DRAIN_SECONDS:-55}
node=$(cat /proc/sys/kernel/hostname)
images=$data/agent/images
tasks=/run/k3s/containerd/io.containerd.runtime.v2.task/k8s.io

# As process 1 k3s would do this itself (as in k3d): with cgroup v2, controllers can be handed to
# pods only when the root group has no process of its own.
prepare_cgroups() {
    [ -f /sys/fs/cgroup/cgroup.controllers ] || return 0
    [ "$(cat /proc/self/cgroup)" = "0::/" ] || return 0
    mkdir -p /sys/fs/cgroup/init
    while read -r pid; do
        echo "$pid" >/sys/fs/cgroup/init/cgroup.procs 2>/dev/null || true
    done </sys/fs/cgroup/cgroup.procs
    sed 's/\(^\| \)/\1+/g' /sys/fs/cgroup/cgroup.controllers >/sys/fs/cgroup/cgroup.subtree_control
}

refuse() {
    echo "entrypoint: the volume ${SANDBOX_GATEWAY_VOLUME:-} $1; nothing in it was touched." >&2
    echo "entrypoint: choose another gateway.name; or, if the stack's state is the one the volume was made with, adopt it:" >&2
    echo "  docker run --rm --volume ${SANDBOX_GATEWAY_VOLUME:-VOLUME}:/data --entrypoint /bin/sh ${SANDBOX_GATEWAY_IMAGE:-IMAGE} -c 'echo $identity >/data/.sandbox-gateway'" >&2
    exit 1
}

# Docker gives an existing volume to whoever asks for its name. One that holds a cluster is ours only
# with our marker; the authorities go into it after that, never before.
claim_volume() {
    identity=$(sha256sum <"$staged/server-ca.crt" | cut -c1-64)
    if [ -e "$data/server/db/state.db" ]; then
        [ -e "$marker" ] || refuse "holds a cluster that this program did not make"
        [ "$(cat "$marker")" = "$identity" ] || refuse "belongs to another gateway"
    fi
    mkdir -p "$data/server/tls"
    cp -p "$staged"/* "$data/server/tls/"
    echo "$identity" >"$marker.tmp"
    mv "$marker.tmp" "$marker"
}

# Process ids that lead a container, one a line. The pause container of a pod is one of them.
leaders() {
    for file in "$tasks"/*/init.pid; do
        [ -f "$file" ] || continue
        pid=$(cat "$file")
        # A zombie has no command line; it is gone but not yet collected.
        [ -n "$(tr -d '\0' <"/proc/$pid/cmdline" 2>/dev/null)" ] && echo "$pid"
    done
}

drain() {
    k3s kubectl get --raw /readyz --request-timeout=2s >/dev/null 2>&1 || return 1
    : >"$drained"
    # Pods are deleted, not evicted: no disruption budget may keep this machine from its reboot.
    k3s kubectl drain "$node" --disable-eviction --force --ignore-daemonsets \
        --delete-emptydir-data --timeout="${drain_seconds}s" >&2
}

reopen() {
    until k3s kubectl uncordon "$node" --request-timeout=5s >/dev/null 2>&1; do
        sleep 0.5
    done
    rm -f "$drained"
}

end_k3s() {
    kill -TERM "$k3s" 2>/dev/null
    while kill -0 "$k3s" 2>/dev/null; do
        wait "$k3s"
    done
}

stop() {
    trap '' TERM INT
    [ -z "$reopening" ] || kill "$reopening" 2>/dev/null
    echo "entrypoint: draining the node" >&2
    if drain; then
        end_k3s
        exit 0
    fi
    echo "entrypoint: not drained; stopping k3s, then what is left of the pods" >&2
    end_k3s
    pids=$(leaders)
    # shellcheck disable=SC2086
    [ -z "$pids" ] || kill -TERM $pids 2>/dev/null
    while [ -n "$(leaders)" ]; do
        sleep 0.2
    done
    exit 0
}

k3s= reopening=
trap stop TERM INT
prepare_cgroups
mount --make-rshared / 2>/dev/null || true

claim_volume

# With this file k3s imports an archive only when it has changed, not at every start.
mkdir -p "$images"
[ -e "$images/.cache.json" ] || : >"$images/.cache.json"

k3s "$@" &
k3s=$!
if [ -e "$drained" ]; then
    reopen &
    reopening=$!
fi
# `wait` also collects orphans, which process 1 owes everyone. A trapped signal ends it early.
wait "$k3s"
status=$?
echo "entrypoint: k3s ended with status $status" >&2
exit "$status"
