#!/bin/sh
# The first container of a sandbox: ends once the network around it is closed, so that nothing of the
# sandbox's own runs before.
#
#   gate.sh [HOST PORT]
#
# A new pod is open until somebody has set up its policies: a moment later, or never, where a cluster
# takes policies and enforces none. It has the network and the address that the agent will have, so what
# it sees holds for the agent. HOST and PORT answer whoever reaches them, and no policy of a sandbox allows
# them; without both it is the Kubernetes API. Kept out is who is refused, or never answered. An address
# to which there is no way yet proves nothing.
#
# Plain sh with busybox's nc. `nc -e` ends well exactly when the connection was made, whatever the other
# side says on it.
set -u

host=${1:-${KUBERNETES_SERVICE_HOST:-}} port=${2:-${KUBERNETES_SERVICE_PORT:-}}
# Seconds after which it gives up, to be tried again by Kubernetes.
seconds=${GATE_SECONDS:-60}
# Attempts in a row that have to fail.
needed=2

# Ends the container; what is said is its last message in Kubernetes, too.
fail() {
    echo "$*" >&2
    exit 1
}

[ -n "$host" ] && [ -n "$port" ] || fail "gate: got no address to try; expected: gate.sh HOST PORT"

closed=0 open=yes end=$(($(date +%s) + seconds))
while [ "$closed" -lt "$needed" ]; do
    if said=$(nc -w 4 "$host" "$port" -e true 2>&1); then
        closed=0 open=yes
    else
        case $said in
        *refused* | *'timed out'*) closed=$((closed + 1)) ;;
        *) closed=0 open='' ;;
        esac
    fi
    if [ "$closed" -eq 0 ] && [ "$(date +%s)" -ge "$end" ]; then
        [ -z "$open" ] ||
            fail "network policies are not enforced here: after $seconds seconds this sandbox still reaches $host:$port, which no policy allows. The agent is not started; the cluster needs a network that enforces NetworkPolicy"
        fail "it cannot be told whether network policies are enforced here: $host:$port, which no policy allows, is neither reached nor refused: ${said:-nc says nothing}. The agent is not started"
    fi
    [ "$closed" -ge "$needed" ] || sleep 0.2 2>/dev/null || sleep 1
done
