# Part of the gateway's entrypoint: sandboxes resolve what the machine resolves.
#
# Docker's own resolver knows all of that, also what a VPN or a resolver on the machine's loopback
# adds, and it listens where pods cannot reach it: on this container's loopback. k3s would put a
# public resolver in its place. Here pods ask this container's own address, and what they ask goes to
# Docker's resolver. Search domains are left out: with the cluster's five dots nearly every name would
# be asked for in them first.

# Chain of the rules that hand pods' questions on.
DNS_CHAIN=SANDBOX-GATEWAY-DNS

prepare_dns() {
    servers=$(awk '$1 == "nameserver" { print $2 }' "$root/etc/resolv.conf")
    resolver='' direct=''
    for server in $servers; do
        case $server in
        127.*) [ -n "$resolver" ] || resolver=$server ;;
        # Pods have IPv4 alone.
        *:*) ;;
        *) direct="$direct $server" ;;
        esac
    done
    if [ -n "$direct" ]; then
        resolver=''
        note "DNS: sandboxes ask$direct"
        # The kubelet takes three.
        # shellcheck disable=SC2086
        content=$(printf 'nameserver %s\n' $direct | head -n 3)
    else
        content="nameserver $address"
        if [ -n "$resolver" ]; then
            note "DNS: sandboxes ask $address, which hands it to this container's resolver $resolver"
            # New interfaces take this over: that of the pods, not that of Docker's network.
            write_value 1 "$root/proc/sys/net/ipv4/conf/default/route_localnet" ||
                warn "sandboxes resolve no names from outside: cannot write net.ipv4.conf.default.route_localnet"
        else
            warn "sandboxes resolve no names from outside: /etc/resolv.conf of the container names no resolver with an IPv4 address; set gateway.dns"
        fi
    fi
    must write_file "$run/resolv.conf" "$content"
    manifest=$(host_names) hosts=$data/server/manifests/coredns-custom.yaml
    # One that a power cut has emptied is nobody's.
    if [ -s "$hosts" ] && ! grep -q sandbox-gateway "$hosts"; then
        warn "host.docker.internal and gateway.hostAliases are not known in sandboxes: $hosts is not this gateway's; give the ConfigMap in it another name"
        return 0
    fi
    [ "$(cat "$hosts" 2>/dev/null)" != "$manifest" ] || return 0
    # Names are no reason not to start: on a full disk, whoever makes room may need what runs here.
    error=$(mkdir -p "${hosts%/*}" 2>&1 && write_file "$hosts" "$manifest" 2>&1) ||
        warn "host.docker.internal and gateway.hostAliases may not be known in sandboxes: cannot write $hosts: $error"
}

write_value() {
    { echo "$1" >"$2"; } 2>/dev/null
}

# The names in this container's hosts file, but for its own, as k3s's CoreDNS takes them: those of the
# machine (host.docker.internal) and those of gateway.hostAliases. Names below them are asked for as all
# others are. k3s applies what lies in its folder of manifests, this one before CoreDNS itself.
host_names() {
    awk -v own="$node" '
        /^[0-9]/ && $1 !~ /^127\.|:/ {
            for (i = 2; i <= NF; i++) {
                if ($i ~ /^#/) break
                if ($i == own || $i !~ /^[A-Za-z0-9.-]+$/) continue
                # A zone that is named twice would keep CoreDNS from starting.
                if (!seen[tolower($i)]++) zones = zones " " $i ":53"
                lines = lines "            " $1 " " $i "\n"
            }
        }
        END {
            print "apiVersion: v1\nkind: ConfigMap"
            print "metadata:\n  name: coredns-custom\n  namespace: kube-system\ndata:"
            if (zones == "") { print "  sandbox-gateway.server: \"\""; exit }
            print "  sandbox-gateway.server: |\n   " zones " {"
            print "        errors\n        hosts /etc/coredns/NodeHosts {\n" lines "            ttl 60\n            fallthrough\n        }\n        forward . /etc/resolv.conf\n    }"
        }' "$root/etc/hosts"
}

# Port on which the resolver listens for `udp` or `tcp`: Docker has one of its own choice, and leads
# there what goes to 53.
resolver_port() {
    # The kernel writes the address as a number, last part first.
    # shellcheck disable=SC2046
    hex=$(printf '%02X%02X%02X%02X' $(echo "$resolver" | awk -F. '{ print $4, $3, $2, $1 }'))
    port=$(awk -v address="$hex" '{ split($2, at, ":") } at[1] == address && ($4 == "07" || $4 == "0A") { print at[2]; exit }' "$root/proc/net/$1")
    echo "$((0x${port:-35}))"
}

# Rules for what pods ask. Docker gives its resolver other ports when the daemon is restarted beside
# running containers, so this is called again and again, and does nothing when nothing has changed.
forward_dns() {
    [ -n "$resolver" ] || return 0
    wanted="$(resolver_port udp) $(resolver_port tcp)"
    [ "$wanted" != "${forwarded:-}" ] || return 0
    iptables -w -t nat -N "$DNS_CHAIN" 2>/dev/null || iptables -w -t nat -F "$DNS_CHAIN" || return 1
    for protocol in udp tcp; do
        iptables -w -t nat -A "$DNS_CHAIN" -p "$protocol" \
            -j DNAT --to-destination "$resolver:$(resolver_port "$protocol")" || return 1
        # From pods, and from pods that are in the container's own network.
        hook "$protocol" PREROUTING -s "$pods" || return 1
        hook "$protocol" OUTPUT || return 1
    done
    forwarded=$wanted
}

hook() {
    set -- "$2" -d "$address" -p "$1" --dport 53 ${3:+"$3" "$4"} -j "$DNS_CHAIN"
    iptables -w -t nat -C "$@" 2>/dev/null || iptables -w -t nat -A "$@"
}
