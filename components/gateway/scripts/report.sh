# Part of the gateway's entrypoint: what it says, and files that are written whole or not at all.

say() {
    echo "entrypoint: $*" >&2
}

# What was chosen. Under another name: what the entrypoint says is why a gateway does not start.
note() {
    echo "gateway: $*" >&2
}

# What does not end the start but takes something away from it: also for `make status`.
warn() {
    say "warning: $*"
    echo "$*" 2>/dev/null >>"$run/warnings" || say "cannot write $run/warnings"
}

# Ends the start; each argument is a line of the reason, an indented one a command to type.
fail() {
    for line in "$@"; do
        case $line in
        '  '*) echo "$line" >&2 ;;
        *) say "$line" ;;
        esac
    done
    exit 1
}

# Runs a step that everything after it rests on. What has been done before it stays, and the next
# start goes on from there.
must() {
    if error=$("$@" 2>&1); then
        return 0
    fi
    case $error in
    *'No space left'* | *'Disk quota exceeded'*)
        fail "the disk is full: $error" \
            "make room on the disk that holds the volume $volume (docker system df); nothing was lost, the next start goes on from here"
        ;;
    *'Read-only file system'*)
        fail "the disk can be read only: $error" \
            "the kernel does that to a disk with errors (dmesg): check the one that holds the volume $volume, and make it writable again; nothing was lost, the next start goes on from here"
        ;;
    *) fail "cannot go on: $1: $error" ;;
    esac
}

# Whether two files hold the same; one that is missing is the same as none.
same() {
    [ -f "$1" ] && [ -f "$2" ] && [ "$(sha256sum <"$1")" = "$(sha256sum <"$2")" ]
}

# To the disk, before a name points at it: a power cut must not leave an empty file under the name.
# A `sync` that takes no names writes everything.
flush() {
    sync "$1" 2>/dev/null || sync
}

# Copies a file with its mode and times, in one step for whoever reads it.
install_file() {
    cp -p "$1" "$2.new" && flush "$2.new" && same "$1" "$2.new" && mv "$2.new" "$2" || undo "$2.new"
}

# Writes a text and a line's end, in the same way. `cat`, because the shell's own commands do not say
# that there is no room.
write_file() {
    printf '%s\n' "$2" | cat >"$1.new" && flush "$1.new" && mv "$1.new" "$1" || undo "$1.new"
}

# What was begun takes room that others need. It has failed all the same.
undo() {
    rm -f "$1"
    return 1
}
