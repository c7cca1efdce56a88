# Part of the gateway's entrypoint: room on the disk, so that one sandbox that fills it takes nothing from the
# others, and nothing from Kubernetes, which cannot even end it without writing that down.
#
# A workspace is a folder: nothing keeps it to the size that was asked for. So that size counts when room is
# short: of the sandboxes that have written more, the one that has most ends, at once and until somebody
# starts it again. Who keeps to what was asked for is never ended by this. Nothing is removed either, but for
# a reserve, which is there to be removed: it gives back in one step what a writer may take between two looks.
#
# See docs/operations.md, 'A full disk'.

ballast=$data/.sandbox-gateway-reserve
# Of a large disk, in KiB and in files; of a small one a sixteenth.
RESERVE_KIB=524288
RESERVE_FILES=4096
# Seconds between two looks, at most; and how much may be written in one of them, in KiB and in files.
ROOM_LOOK=30
FAST_KIB=2097152
FAST_FILES=100000
# Seconds that adding up what a sandbox has written may take.
SUM_SECONDS=30
# The sandboxes' namespace.
namespace=sandboxes
storage=$data/storage/$namespace
kubelet=$root/var/lib/kubelet/pods

# As long as the entrypoint itself.
keep_room() {
    written=''
    while kill -0 "$$" 2>/dev/null; do
        tend_room
        sleep "$pause" >/dev/null 2>&1
    done
}

tend_room() {
    pause=$ROOM_LOOK
    read_room || return 0
    if [ "$free" -lt "$low" ]; then
        pause=1
        relieve bytes "$((free / 1024)) MiB"
    elif [ "$free_files" -lt "$low_files" ]; then
        pause=1
        relieve files "$free_files files"
    else
        pause_for $(((free - low) / FAST_KIB))
        [ "$files" -eq 0 ] || pause_for $(((free_files - low_files) / FAST_FILES))
        fill_reserve
    fi
}

pause_for() {
    [ "$1" -ge "$pause" ] || pause=$1
    [ "$pause" -ge 1 ] || pause=1
}

# What the disk has, and below what it is short.
read_room() {
    total=$(column 2 -Pk) free=$(column 4 -Pk) files=$(column 2 -Pi) free_files=$(column 4 -Pi)
    [ "$total" -gt 0 ] || return 1
    reserve_kib=$((total / 16)) reserve_files=$((files / 16))
    [ "$reserve_kib" -le "$RESERVE_KIB" ] || reserve_kib=$RESERVE_KIB
    [ "$reserve_files" -le "$RESERVE_FILES" ] || reserve_files=$RESERVE_FILES
    low=$((reserve_kib * 2)) low_files=$((reserve_files * 2))
}

# File systems that make room for files as they need it count none.
column() {
    number=$(df "$2" "$data" 2>/dev/null | awk -v at="$1" 'END { print $at }')
    case $number in
    '' | *[!0-9]*) echo 0 ;;
    *) echo "$number" ;;
    esac
}

# Only where it leaves twice as much as is needed.
fill_reserve() {
    [ ! -e "$ballast" ] && [ "$free" -gt $((low * 2)) ] && [ "$free_files" -ge $((low_files * 2)) ] || return 0
    rm -rf "$ballast.new"
    # The names of so many are no command's arguments.
    { mkdir -p "$ballast.new" && allocate "$ballast.new/room" && (cd "$ballast.new" && seq "$reserve_files" | xargs touch room) &&
        mv "$ballast.new" "$ballast"; } 2>/dev/null || rm -rf "$ballast.new"
}

allocate() {
    fallocate -l $((reserve_kib * 1024)) "$1" || head -c $((reserve_kib * 1024)) /dev/zero >"$1"
}

# Before a start, too, which has to write.
free_reserve() {
    [ -e "$ballast" ] || return 0
    say "the disk of the volume $volume is full: its reserve is given up, and made again once there is room"
    rm -rf "$ballast"
}

# Before the first file is written: a full disk must not keep a gateway from its start that can be helped.
free_for_start() {
    ! read_room || { [ "$free" -ge $((reserve_kib / 2)) ] && [ "$free_files" -ge $((reserve_files / 2)) ]; } || free_reserve
}

# Ends the sandbox that has written most beyond what it asked for, if one has; it stops before room is made.
relieve() {
    found=$(list_pods)
    # What was asked for does not change; who runs does, and will be asked again.
    written=${found:-$written}
    worst='' most=0
    while read -r pod uid allowed claims; do
        [ -n "$uid" ] || continue
        [ "$1" = bytes ] || allowed=$((files / 8))
        sum=$(written_by "$1" "$uid" "$claims" "$allowed")
        [ $((sum - allowed)) -le "$most" ] || most=$((sum - allowed)) worst="$pod $uid $sum $allowed"
    done <<END
$written
END
    # shellcheck disable=SC2086
    [ -z "$worst" ] || end_sandbox "$1" "$2" $worst
    read_room
    { [ "$free" -ge $((reserve_kib / 2)) ] && [ "$free_files" -ge $((reserve_files / 2)) ]; } || free_reserve
}

# Pods of sandboxes, one a line: its name, its uid, the KiB that were asked for, and names of its claims.
list_pods() {
    fields='{.kind} {.metadata.name} {.metadata.uid} {.spec.resources.requests.storage} {.spec.volumes[*].persistentVolumeClaim.claimName}'
    k3s kubectl -n "$namespace" get pods,persistentvolumeclaims --request-timeout=5s \
        -o "jsonpath={range .items[*]}$fields{\"\\n\"}{end}" 2>/dev/null </dev/null | awk '
        # A Kubernetes quantity, in KiB. Not every awk has powers.
        function kib(text, unit, bytes, steps) {
            unit = text
            sub(/^[0-9.]+/, "", unit)
            bytes = text + 0
            for (steps = unit == "" ? 0 : index("KMGTP", toupper(substr(unit, 1, 1))); steps > 0; steps--)
                bytes *= unit ~ /i$/ ? 1024 : 1000
            return int(bytes / 1024)
        }
        $1 == "PersistentVolumeClaim" { size[$2] = kib($4) }
        $1 == "Pod" { uid[$2] = $3; for (i = 4; i <= NF; i++) claims[$2] = claims[$2] " " $i }
        END {
            for (pod in uid) {
                # What has no claim is no sandbox.
                if (!(pod in claims)) continue
                sum = 0
                count = split(claims[pod], names, " ")
                for (i = 1; i <= count; i++) sum += size[names[i]]
                printf "%s %s %.0f%s\n", pod, uid[pod], sum, claims[pod]
            }
        }'
}

# What a pod has written, in KiB or in files: its claims, its /tmp, and what it has changed of its image. What
# cannot be told in time counts as a little too much: it is ended when nobody else is to be.
written_by() {
    set -- "$1" "$2" "$4" $3
    kind=$1 uid=$2 limit=$3
    shift 3
    folders=$(
        for claim; do echo "$storage/$claim"; done
        ls -d "$kubelet/$uid"/volumes/kubernetes.io~empty-dir/* 2>/dev/null
        for pid in $(processes_of "$uid"); do
            awk '$5 == "/" && match($0, /upperdir=[^,]*/) { print substr($0, RSTART + 9, RLENGTH - 9) }' "$root/proc/$pid/mountinfo" 2>/dev/null
        done | sort -u
    )
    # Of our own making, without a blank in them.
    # shellcheck disable=SC2086
    if [ "$kind" = bytes ]; then
        counted=$(timeout "$SUM_SECONDS" du -skc $folders 2>/dev/null | awk 'END { print $1 }')
    else
        counted=$(timeout "$SUM_SECONDS" find $folders 2>/dev/null | wc -l)
    fi
    echo "${counted:-$((limit + 1))}"
}

# Whatever runs in a pod, by its cgroup, as either driver of the kubelet's names it.
processes_of() {
    other=$(echo "$1" | tr - _)
    grep -lE "pod($1|$other)" "$root"/proc/[0-9]*/cgroup 2>/dev/null | awk -F/ '{ print $(NF - 1) }'
}

# Its processes first, which takes no room; then it is told to Kubernetes, which would start them again.
end_sandbox() {
    sandbox=${3%-*}
    [ "$1" = bytes ] && what="$(($5 / 1024)) MiB, and asked for $(($6 / 1024)) MiB" || what="$5 files, more than an eighth of all"
    why="the gateway's disk was nearly full, with $2 left, and it had written $what"
    end_processes "$4"
    set -- "$1" "$2" $(k3s kubectl -n "$namespace" get statefulset "$sandbox" --request-timeout=5s \
        -o 'jsonpath={.metadata.generation} {.spec.replicas}' 2>/dev/null </dev/null)
    # Told before, and its pod is going.
    [ "${4:-}" != 0 ] || return 0
    # Good as long as nobody changes the sandbox, which its next generation tells.
    reason="{\"metadata\":{\"annotations\":{\"sandbox-gateway.dev/ended\":\"$((${3:-0} + 1)) $why\"}},\"spec\":{\"replicas\":0}}"
    if [ $# -eq 4 ] && k3s kubectl -n "$namespace" patch statefulset "$sandbox" --type=merge -p "$reason" \
        --field-manager=sandbox-gateway --request-timeout=5s >/dev/null 2>&1 </dev/null; then
        warn "sandbox $sandbox was ended, and nothing of it was lost: $why. Make room (docs/operations.md, \"A full disk\"), then start it again: make heal"
    else
        say "sandbox $sandbox is held down, for $why; Kubernetes does not answer yet"
    fi
}

# Again and again: what is started meanwhile is not in the list that was made before.
end_processes() {
    tries=20
    while pids=$(processes_of "$1") && [ -n "$pids" ] && [ "$tries" -gt 0 ]; do
        # shellcheck disable=SC2086
        kill -KILL $pids 2>/dev/null
        tries=$((tries - 1))
    done
}
