# Part of the gateway's entrypoint: what the machine lends to this container.

# MiB that k3s and what else is not a pod need of the container's memory.
K3S_MEMORY=512

# As process 1 k3s would do this itself: with cgroup v2, controllers can be handed to pods only when
# the root group has no process of its own.
prepare_cgroups() {
    groups=$root/sys/fs/cgroup
    [ -f "$groups/cgroup.controllers" ] || return 0
    # A VPN may have mounted a hierarchy of version 1 beside it, which has a line of its own.
    if ! grep -qx '0::/' "$root/proc/self/cgroup"; then
        warn "this container shares the machine's cgroups: gateway.memory does not bind sandboxes, and two gateways disturb each other; take \"default-cgroupns-mode\": \"host\" out of the Docker daemon's settings, restart it, then stop and start the gateway"
        return 0
    fi
    mkdir -p "$groups/init"
    # Once more, for what was started meanwhile.
    for _ in 1 2; do
        while read -r pid; do
            { echo "$pid" >"$groups/init/cgroup.procs"; } 2>/dev/null || true
        done <"$groups/cgroup.procs"
    done
    missing='' refused=''
    for controller in cpu cpuset memory pids; do
        grep -qw "$controller" "$groups/cgroup.controllers" || missing="$missing $controller"
    done
    # shellcheck disable=SC2013
    for controller in $(cat "$groups/cgroup.controllers"); do
        { echo "+$controller" >"$groups/cgroup.subtree_control"; } 2>/dev/null ||
            refused="$refused $controller"
    done
    [ -z "$missing" ] || warn "the machine gives this container no cgroup controller for:$missing; k3s needs them. With rootless Docker: Delegate=cpu cpuset io memory pids for user@.service (systemctl edit user@.service); where memory is missing: cgroup_enable=memory on the kernel's command line; then restart the machine"
    [ -z "$refused" ] || warn "cgroup controllers cannot be handed to pods, so that their limits do not hold:$refused; processes that stay in the container's root group: $(tr '\n' ' ' <"$groups/cgroup.procs"); restart the container: docker restart ${volume}"
}

# Bytes this container may use; nothing where there is no limit.
memory_limit() {
    for file in "$root/sys/fs/cgroup/memory.max" "$root/sys/fs/cgroup/memory/memory.limit_in_bytes"; do
        [ -f "$file" ] || continue
        grep -x '[0-9]*' "$file"
        return 0
    done
}

# The kubelet takes the machine's memory for its own. What the container may not use, and what k3s
# needs itself, is reserved: a pod that does not fit is then refused as such, and the kernel has
# nothing to kill. A reserve of the user's own counts instead.
reserve_memory() {
    settings=$root/etc/rancher/k3s/config.yaml
    reserve=$settings.d/50-sandbox-gateway.yaml
    limit=$(memory_limit)
    total=$(awk '$1 == "MemTotal:" { print $2 }' "$root/proc/meminfo")
    if [ -z "$limit" ] || [ $((limit / 1024)) -ge "$total" ]; then
        must rm -f "$reserve"
        return 0
    fi
    # One of CPUs alone is added to ours by the kubelet.
    if grep -q 'system-reserved=[^"]*memory=' "$settings"; then
        note "memory: system-reserved of gateway.k3s counts"
        must rm -f "$reserve"
        return 0
    fi
    limit=$((limit / 1048576)) total=$((total / 1024))
    wanted="kubelet-arg+: [\"system-reserved=memory=$((total - limit + K3S_MEMORY))Mi\"]"
    must mkdir -p "$settings.d"
    [ "$(cat "$reserve" 2>/dev/null)" = "$wanted" ] || must write_file "$reserve" "$wanted"
    note "memory: $limit MiB, of which $K3S_MEMORY for k3s and the rest for sandboxes"
}
