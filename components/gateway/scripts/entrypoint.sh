#!/bin/sh
# Entrypoint of the gateway: runs k3s, and gives pods their grace when the container is stopped.
#
# `docker stop`, a reboot and a replacement send TERM to process 1. k3s alone would end at once and
# leave the pods to be killed with the container. Here the node is drained first: the kubelet ends
# each pod as its spec says, with its preStop hooks and its own grace, and nothing new is started.
# Then k3s ends. The next start opens the node again. Without an API to ask, every process that leads
# a container gets TERM. What is left after Docker's own stop timeout is killed by Docker.
#
# k3s alone is ended and started again when it hangs or its certificates near their end, see restart.sh.
#
# Pulumi's stop has scaled every sandbox to zero before: then there is next to nothing to wait for.
#
# A redirection that fails ends the shell when it stands at a special builtin (`:`, `.`, `exec`):
# files are written by commands, never by one of those.
set -u

# In front of every path; only tests set it.
root=${SANDBOX_GATEWAY_ROOT:-}
lib=${SANDBOX_GATEWAY_LIB:-/usr/local/lib/sandbox-gateway}
data=$root/var/lib/rancher/k3s
staged=$root/etc/sandbox-gateway/tls
manifests=$root/etc/sandbox-gateway/manifests
# State of this life of the container: a tmpfs.
run=$root/run/sandbox-gateway
# Says which gateway the volume belongs to: the fingerprint of its server authority.
marker=$data/.sandbox-gateway
# Outside of the volume, a container's own. The copy makes an identity that can be read from the volume.
password=$root/etc/rancher/node/password
password_copy=$data/.sandbox-gateway-node-password
# One file under one of two names. A rename needs no room, so that a drain can be noted on a full disk:
# `drained` from the beginning of a drain until the node is open again.
open=$data/.sandbox-gateway-open
drained=$data/.sandbox-gateway-drained
# Seconds a drain may take; the rest of Docker's stop timeout is for k3s.
drain_seconds=${SANDBOX_GATEWAY_DRAIN_SECONDS:-50}
# Where pods reach this container, and where they come from.
address=${SANDBOX_GATEWAY_ADDRESS:-}
pods=${SANDBOX_GATEWAY_PODS:-10.42.0.0/16}
# What is for this machine's loopback alone: ports of this container, and where it comes from then.
local_ports=${SANDBOX_GATEWAY_LOCAL_PORTS:-}
bridge=${SANDBOX_GATEWAY_BRIDGE:-}
volume=${SANDBOX_GATEWAY_VOLUME:-VOLUME}
node=$(cat /proc/sys/kernel/hostname)
images=$data/agent/images
tasks=/run/k3s/containerd/io.containerd.runtime.v2.task/k8s.io

. "$lib/report.sh"
. "$lib/machine.sh"
. "$lib/dns.sh"
. "$lib/isolate.sh"
. "$lib/restart.sh"
. "$lib/room.sh"
. "$lib/watch.sh"

# No way is told to take it over: what is in it runs with the state it was made with, and with no other.
refuse() {
    fail "the volume $volume $1; nothing in it was touched." \
        "it runs with the Pulumi state that it was made with, and with no other; keep both." \
        "a gateway beside it needs a name of its own: make up STACK=ANOTHER; docs/operations.md, 'A data volume that is there already'"
}

# Docker gives an existing volume to whoever asks for its name. One that holds a cluster is ours only
# with our marker, or with our authority's key in it, which nobody else has: a marker can be emptied by
# a power cut, or be written by hand. The authorities go into it after that, never before.
claim_volume() {
    identity=$(sha256sum <"$staged/server-ca.crt" | cut -c1-64)
    [ -n "$identity" ] || fail "the gateway's authorities are not in $staged; make a new container: stop and start the gateway"
    found=$(cat "$marker" 2>/dev/null)
    if [ -e "$data/server/db/state.db" ] && [ "$found" != "$identity" ]; then
        same "$staged/server-ca.key" "$data/server/tls/server-ca.key" || {
            [ -z "$found" ] || refuse "belongs to another gateway"
            refuse "holds a cluster that this program did not make"
        }
    fi
    free_for_start
    # With .cache.json k3s imports an archive only when it has changed, not at every start.
    must mkdir -p "$data/server/tls" "$images"
    [ -e "$images/.cache.json" ] || must touch "$images/.cache.json"
    for file in "$staged"/*; do
        same "$file" "$data/server/tls/${file##*/}" ||
            must install_file "$file" "$data/server/tls/${file##*/}"
    done
    [ "$found" = "$identity" ] || must write_file "$marker" "$identity"
    # Nothing rests on it: a full disk keeps no gateway from its start for it.
    [ ! -f "$password" ] || same "$password" "$password_copy" ||
        install_file "$password" "$password_copy" 2>/dev/null ||
        say "cannot keep a copy of the node's password in the volume"
    [ -e "$drained" ] || [ -e "$open" ] || must touch "$open"
    drop_empty
}

# A power cut or a full disk may leave a file of k3s's empty, and k3s takes one that is there for good:
# it would end at every start. What is missing it makes anew or takes from its database.
drop_empty() {
    for file in "$data"/server/token "$data"/server/cred/* "$data"/server/tls/* "$data"/server/tls/*/* \
        "$data"/agent/*.crt "$data"/agent/*.key "$data"/agent/*.kubeconfig; do
        if [ ! -f "$file" ] || [ -s "$file" ]; then
            continue
        fi
        note "$file is empty, as after a power cut or on a full disk: k3s makes it anew"
        must rm -f "$file"
        case $file in
        # k3s writes such a file only together with the certificate that is in it.
        */server/cred/*.kubeconfig)
            for certificate in "$data"/server/tls/client-*.crt; do
                case $certificate in
                *-ca.crt | *-ca.*.crt) ;;
                *) must rm -f "$certificate" ;;
                esac
            done
            ;;
        esac
    done
}

# What k3s applies by itself, when it has changed: who administers the cluster, and limits.
place_manifests() {
    for file in "$manifests"/*.yaml; do
        placed=$data/server/manifests/${file##*/}
        if [ ! -f "$file" ] || same "$file" "$placed"; then
            continue
        fi
        # Those of before are there as a rule: on a full disk, whoever makes room may need what runs here.
        error=$(mkdir -p "${placed%/*}" 2>&1 && install_file "$file" "$placed" 2>&1) ||
            warn "k3s is not given ${file##*/}: cannot write $placed: $error"
    done
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
    closed=$(k3s kubectl get node "$node" -o 'jsonpath={.spec.unschedulable}' --request-timeout=2s 2>/dev/null) ||
        return 1
    # What a person has cordoned is not ours to open.
    if [ "$closed" != true ] && [ ! -e "$drained" ]; then
        mv "$open" "$drained" ||
            say "cannot note the drain; after the next start, run: k3s kubectl uncordon $node"
    fi
    # Pods are deleted, not evicted: no disruption budget may keep this machine from its reboot.
    k3s kubectl drain "$node" --disable-eviction --force --ignore-daemonsets \
        --delete-emptydir-data --timeout="${drain_seconds}s" >&2
}

end_k3s() {
    press &
    while kill -0 "$k3s" 2>/dev/null; do
        wait "$k3s"
    done
}

stop() {
    trap '' TERM INT
    hold_open
    # Not asked to end, made to: it might take as long as a look.
    kill -KILL "$watcher" "$keeper" 2>/dev/null
    say "draining the node"
    if drain; then
        end_k3s
        exit 0
    fi
    say "not drained; stopping k3s, then what is left of the pods"
    end_k3s
    pids=$(leaders)
    # shellcheck disable=SC2086
    [ -z "$pids" ] || kill -TERM $pids 2>/dev/null
    while [ -n "$(leaders)" ]; do
        sleep 0.2
    done
    exit 0
}

# Until both can be named there is nothing to stop.
asked=
trap 'asked=yes' TERM INT
must mkdir -p "$run"
must rm -rf "$run/again" "$run/restarts" "$run/stopping" "$run/opening"
prepare_cgroups
reserve_memory
mount --make-rshared / || warn "mounts are not shared (mount --make-rshared / failed): volumes of pods may stay empty"
claim_volume
place_manifests
prepare_dns
unclosed=''
isolate
[ -z "$asked" ] || exit 0

keep_room &
keeper=$!

# One life of k3s.
run_k3s() {
    trap 'asked=yes' TERM INT
    rm -f "$run/again"
    k3s "$@" &
    k3s=$!
    watch &
    watcher=$!
    trap stop TERM INT
    [ -z "$asked" ] || stop
    # `wait` also collects orphans, which process 1 owes everyone. A trapped signal ends it early.
    wait "$k3s"
    status=$?
    kill -KILL "$watcher" 2>/dev/null
    rm -rf "$run/opening"
}

run_k3s "$@"
while [ -e "$run/again" ]; do
    run_k3s "$@"
done
say "k3s ended with status $status"
exit "$status"
