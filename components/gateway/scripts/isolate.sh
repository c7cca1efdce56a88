# Part of the gateway's entrypoint: what is closed before k3s starts, and stays closed whatever becomes of
# network policies. Those are set up last of all, look at IPv4 alone, and know nothing of Docker's host.
#
# What cannot be closed is in `unclosed`, and keeps the gateway from being healthy.

# Chain of what is dropped, in the table that is asked first of all.
CLOSED_CHAIN=SANDBOX-GATEWAY-CLOSED

# What no policy of a sandbox can allow: this host, link-local (metadata of clouds), multicast and above.
FORBIDDEN='0.0.0.0/8 127.0.0.0/8 169.254.0.0/16 224.0.0.0/3'

# Packets with questions to the cluster's resolver that one pod may send in a second, and at once.
DNS_RATE=100
DNS_BURST=500

isolate() {
    close_bridges
    close_ipv4 || leave_open "iptables has refused the rules of $CLOSED_CHAIN"
    close_ipv6
}

leave_open() {
    unclosed=$1
    warn "network policies are not enforced: $1${2:+. $2}"
}

# Without this module packets between pods of the node pass by every rule: no DNS, and no policies.
# The container has no modules; but the kernel itself asks the machine for it when a rule looks at the
# ports of a bridge.
close_bridges() {
    bridges=$root/proc/sys/net/bridge
    # Kernels before 5.3 show its settings to the machine alone.
    [ ! -d "$root/sys/module/br_netfilter" ] || return 0
    [ -e "$bridges/bridge-nf-call-iptables" ] || modprobe br_netfilter 2>/dev/null
    if [ ! -e "$bridges/bridge-nf-call-iptables" ] && iptables -w -N SANDBOX-GATEWAY 2>/dev/null; then
        iptables -w -A SANDBOX-GATEWAY -m physdev --physdev-is-bridged -j RETURN 2>/dev/null
        iptables -w -F SANDBOX-GATEWAY
        iptables -w -X SANDBOX-GATEWAY
    fi
    [ -e "$bridges/bridge-nf-call-iptables" ] || leave_open "the kernel module br_netfilter is not loaded" \
        "Sandboxes reach one another, and resolve no names. On the Docker host: sudo modprobe br_netfilter && echo br_netfilter | sudo tee /etc/modules-load.d/br_netfilter.conf; then docker restart ${volume}"
}

# What comes from pods, and what comes in past Docker's own port on this machine's loopback: before
# version 28, Docker hands on everything that is sent to a container's published port, from wherever a
# route leads here. Through that port it comes from the bridge's address.
close_ipv4() {
    iptables -w -t raw -N "$CLOSED_CHAIN" 2>/dev/null || iptables -w -t raw -F "$CLOSED_CHAIN" || return 1
    # Resolvers that pods are sent to may be there, as in clouds.
    for server in $direct; do
        for protocol in udp tcp; do
            spare -s "$pods" -d "$server" -p "$protocol" --dport 53 || return 1
        done
    done
    for network in $FORBIDDEN; do
        drop -s "$pods" -d "$network" || return 1
    done
    limit_dns
    [ -z "$local_ports" ] || spare -s "$bridge" || return 1
    for port in $local_ports; do
        # Beginnings alone: an answer to what pods ask may come to any port.
        drop -i "$(outside)" -p tcp --syn --dport "$port" || return 1
    done
    iptables -w -t raw -C PREROUTING -j "$CLOSED_CHAIN" 2>/dev/null ||
        iptables -w -t raw -I PREROUTING -j "$CLOSED_CHAIN"
}

# One resolver answers all sandboxes: what one asks it beyond what any program needs is not heard. What the
# resolver asks itself, of this container, counts as nobody's.
limit_dns() {
    for protocol in udp tcp; do
        drop -s "$pods" ! -d "$address" -p "$protocol" --dport 53 -m hashlimit --hashlimit-name "sandbox-dns-$protocol" \
            --hashlimit-mode srcip --hashlimit-above "$DNS_RATE/second" --hashlimit-burst "$DNS_BURST" 2>/dev/null ||
            warn "one sandbox can keep names from all by asking for too many: the kernel lacks xt_hashlimit (on the Docker host: sudo modprobe xt_hashlimit; then docker restart ${volume})"
    done
}

drop() {
    iptables -w -t raw -A "$CLOSED_CHAIN" "$@" -j DROP
}

spare() {
    iptables -w -t raw -A "$CLOSED_CHAIN" "$@" -j RETURN
}

# Interface of Docker's network.
outside() {
    device=$(awk '$2 == "00000000" { print $1; exit }' "$root/proc/net/route" 2>/dev/null)
    echo "${device:-eth0}"
}

# A gateway has IPv4 alone, and so have its policies; but a pod has an IPv6 address of its own making on
# the bridge, whatever Docker does. Where the kernel has no IPv6 there is nothing to close.
close_ipv6() {
    [ -d "$root/proc/sys/net/ipv6" ] || return 0
    calls=$root/proc/sys/net/bridge/bridge-nf-call-ip6tables
    # Where it is not shown, it is on; or there is no filter at all, which has been said.
    if [ -e "$calls" ] && ! write_value 1 "$calls" && [ "$(cat "$calls")" != 1 ]; then
        leave_open "IPv6 between sandboxes is open: cannot write net.bridge.bridge-nf-call-ip6tables"
        return 0
    fi
    # Tables of either kind will do, and a kernel may lack those of one: all rules hold side by side.
    for tool in ip6tables ip6tables-nft ip6tables-legacy; do
        # Its own loopback is all that the gateway needs.
        ! { "$tool" -w -P FORWARD DROP && "$tool" -w -I INPUT ! -i lo -j DROP; } 2>/dev/null || return 0
    done
    leave_open "IPv6 between sandboxes is open: ip6tables has refused its rules" \
        "On the Docker host: sudo modprobe -a ip6_tables ip6table_filter, or start it without IPv6 (ipv6.disable=1); then docker restart ${volume}"
}
