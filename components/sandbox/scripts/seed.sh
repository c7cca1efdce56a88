#!/bin/sh
# Seeds a workspace from the image, once.
#
#   seed.sh IMAGE SOURCE TARGET
#
# Copies the children of SOURCE (the image's own /sandbox) into TARGET (the empty claim), keeping
# owners by number, modes, times and links. A note is written before the copy, and renamed to the
# sentinel after it, after a sync: a copy killed at any point is done again by the next start. With
# the sentinel there, nothing is touched, so a file the user deleted stays deleted. Without both, a
# workspace that holds anything is somebody's, and nothing is copied into it: a sentinel is easily
# lost, with all the other hidden files.
#
# Plain sh and tar, as small images have them; busybox's tar gives folders and symbolic links the time
# of copying. A child's name may hold anything, and there may be more of them than one command takes: tar
# finds them by itself. TARGET's own mode is left alone: the storage gave it.
set -eu

image=$1 source=$2 target=$3
sentinel=.workspace-initialized
note=.workspace-seeding
status=${TMPDIR:-/tmp}/seed-status

say() {
    echo "seed: $*" >&2
}

fail() {
    say "$*"
    exit 1
}

fail_write() {
    fail "could not write the workspace of $image (is the disk full?); the next start tries again"
}

# The workspace's file system alone, where sync can: others may have much to write.
flush() {
    sync -f "$target" 2>/dev/null || sync
}

# Whether a copy was begun. What an agent may have put in its place is never followed.
is_noted() {
    [ -f "$target/$note" ] && [ ! -L "$target/$note" ]
}

# In place, where it is there: without it, what has been copied so far would be taken for somebody's.
write_note() {
    is_noted || rm -rf "${target:?}/$note"
    printf 'image=%s\nfiles=%s\n' "$image" "$1" >"$target/$note"
}

# The sentinel with its text, whole or not at all.
finish() {
    { write_note "$1" && flush && mv -f "$target/$note" "$target/$sentinel" && flush; } || fail_write
}

is_there() {
    [ -e "$1" ] || [ -L "$1" ]
}

# Whether a workspace holds nothing but what a file system brings with it.
is_empty() {
    for child in "$target"/* "$target"/.[!.]* "$target"/..?*; do
        ! is_there "$child" || [ "$child" = "$target/lost+found" ] || return 1
    done
}

# What is in the image, without what would end the seeding by itself.
find_all() {
    find . ! -path . ! -path "./$sentinel" ! -path "./$sentinel/*" ! -path "./$note" ! -path "./$note/*" "$@"
}

if is_there "$target/$sentinel"; then
    exit 0
fi
if ! is_noted && ! is_empty; then
    say "the workspace holds files and no $sentinel: it is taken as it is, and nothing is copied from $image"
    finish kept
    exit 0
fi

count=0
if [ -d "$source" ]; then
    command -v tar >/dev/null 2>&1 ||
        fail "image $image has no tar, which copying its $source into the workspace needs; add tar to the image, or remove $source from it"
    cd "$source"
    # An image without find is none that cannot be used.
    devices=$(find_all \( -type b -o -type c \) -print 2>/dev/null | tr '\n' ' ')
    [ -z "$devices" ] ||
        fail "image $image has device nodes in $source, which no workspace can hold: $devices; remove them from the image"
    { write_note unknown && flush; } || fail_write
    # The folder as a whole, unless it holds what would end the seeding by itself: not every tar can
    # leave that out. Names are then given one by one, as numbers of arguments: adding the names
    # themselves takes a shell minutes with many.
    set -- .
    if is_there "./$sentinel" || is_there "./$note"; then
        set -- ./* ./.[!.]* ./..?*
        kept='' number=0
        for child; do
            number=$((number + 1))
            case $child in
            "./$sentinel" | "./$note") ;;
            *) ! is_there "$child" || kept="$kept \"\${$number}\"" ;;
            esac
        done
        eval "set -- $kept"
    fi
    # A shell without pipefail sees only the last command of a pipe fail. Sockets, which nobody listens
    # on any more, are named by tar and left out.
    rm -rf "$status"
    if [ $# -gt 0 ]; then
        # Unpacked without the folder's own entry, whose mode and times it would bring along.
        { tar -c -f - --numeric-owner "$@" && echo >"$status"; } |
            tar -x -p -f - --numeric-owner --strip-components=1 -C "$target" ||
            fail_write
        [ -e "$status" ] || fail "could not read $source of $image; the next start tries again"
    fi
    # Ended by NUL, because a name may hold a newline. For the record only.
    count=$(find_all ! -type s -print0 2>/dev/null | tr -dc '\000' | wc -c)
    command -v find >/dev/null 2>&1 || count=unknown
fi
finish "${count##* }"
