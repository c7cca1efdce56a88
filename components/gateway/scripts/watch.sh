# Part of the gateway's entrypoint: looks again and again whether the gateway is what it should be, and
# writes it down for Docker's health check, which then costs next to nothing, and for `make status`.

# Seconds between two looks: until the gateway is ready, and then.
STARTING=2
READY=30

# Looks that the policy controller has to set up its rules after the API is ready, before it is said.
POLICY_LOOKS=15

watch() {
    served='' probed='' lacking='' looks=0 said=''
    answered='' silent=0 steady=0 given_up=''
    # As long as the entrypoint itself.
    while kill -0 "$$" 2>/dev/null; do
        pause=$STARTING
        ! look || pause=$READY
        tend
        # It outlives this shell by as much as is left of it, and must hold nothing open.
        sleep "$pause" >/dev/null 2>&1
    done
}

look() {
    answers=''
    if ! forward_dns; then
        result "names do not resolve: iptables has refused the rules for DNS"
        return 1
    fi
    if ! k3s kubectl get --raw /readyz --request-timeout=5s >/dev/null 2>&1; then
        answers=no
        result "the Kubernetes API is not ready"
        return 1
    fi
    answers=yes
    # The first description of the API takes long to make, and is the first thing Pulumi asks for.
    if [ -z "$served" ]; then
        k3s kubectl get --raw /openapi/v2 --request-timeout=30s >/dev/null 2>&1 || return 1
        served=yes
    fi
    if [ -n "$unclosed" ]; then
        result "network policies are not enforced: $unclosed"
        return 1
    fi
    if ! iptables-save -t filter 2>/dev/null | grep -q '^:KUBE-ROUTER-FORWARD '; then
        looks=$((looks + 1))
        [ "$looks" -lt "$POLICY_LOOKS" ] ||
            complain "k3s's policy controller has set no rules (no chain KUBE-ROUTER-FORWARD), most often because the Docker host's kernel lacks ip_set xt_set"
        result "network policies are not enforced"
        return 1
    fi
    if ! probe_rules; then
        complain "the kernel lacks$lacking"
        result "network policies are not enforced: the kernel lacks$lacking"
        return 1
    fi
    # Only now: what a drain has ended starts again.
    reopen || return 1
    result ok
}

# Whether the kernel takes what the rules of policies are made of, asked once. The controller hands them
# over all at once: one that is refused leaves every sandbox open, with the controller's chain in place.
probe_rules() {
    [ -z "$probed" ] || return 0
    lacking='' probe=SANDBOX-GATEWAY-PROBE
    iptables -w -N "$probe" 2>/dev/null || iptables -w -F "$probe"
    # Without a set the rule that names it is refused as well, and says so.
    ipset create "$probe" hash:ip -exist 2>/dev/null
    while read -r module rule; do
        # shellcheck disable=SC2086
        iptables -w -A "$probe" $rule 2>/dev/null || lacking="$lacking $module"
    done <<RULES
xt_set -m set --match-set $probe src -j RETURN
xt_physdev -m physdev --physdev-is-bridged -j RETURN
xt_addrtype -m addrtype --dst-type LOCAL -j RETURN
xt_conntrack -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN
xt_mark -m mark --mark 0x10000/0x10000 -j RETURN
xt_comment -m comment --comment probe -j RETURN
xt_limit -m limit --limit 10/minute --limit-burst 10 -j RETURN
xt_NFLOG -j NFLOG --nflog-group 100
ipt_REJECT -j REJECT
RULES
    iptables -w -F "$probe"
    iptables -w -X "$probe"
    ipset destroy "$probe" 2>/dev/null
    [ -z "$lacking" ] || return 1
    probed=yes
}

# A node that our drain has closed is opened, one that a person has closed is not.
reopen() {
    [ -e "$drained" ] || return 0
    mkdir "$run/opening" 2>/dev/null
    # A stop waits for this, or is seen by it: whichever came first.
    [ ! -e "$run/stopping" ] &&
        k3s kubectl uncordon "$node" --request-timeout=5s >/dev/null 2>&1 &&
        mv "$drained" "$open"
    opened=$?
    rmdir "$run/opening"
    return "$opened"
}

# Of a stop: what is under way would open the node after the drain has closed it.
hold_open() {
    mkdir "$run/stopping" 2>/dev/null
    tries=50
    while [ -e "$run/opening" ] && [ "$tries" -gt 0 ]; do
        tries=$((tries - 1))
        sleep 0.2
    done
}

complain() {
    [ -z "$said" ] || return 0
    said=yes
    say "network policies are not enforced, so that every sandbox is open: $1. Load what is missing on the Docker host (sudo modprobe -a${lacking:- ip_set xt_set}), then docker restart $volume"
}

# What the health check reads; its age tells that somebody still looks.
result() {
    { echo "$1" >"$run/health.new" && mv "$run/health.new" "$run/health"; } 2>/dev/null
}
