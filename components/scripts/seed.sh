#!/bin/sh
# Seeds a workspace from the image, once.
#
#   seed.sh IMAGE SOURCE TARGET
#
# Copies the children of SOURCE (the image's own /sandbox) into TARGET (the empty claim), keeping
# owners by number, modes, times and links. The sentinel is written last, after a sync, by rename:
# a copy killed at any point is done again by the next start. With the sentinel there, nothing is
# touched, so a file the user deleted stays deleted.
#
# Plain sh and tar, as small images have them; busybox's tar gives folders and symbolic links the time
# of copying. A child's name may hold anything, so names are only ever handled by the shell's own
# globbing and passed as `./name`. TARGET's own mode is left alone: the storage gave it.
set -eu

image=$1 source=$2 target=$3
sentinel=.workspace-initialized
status=${TMPDIR:-/tmp}/seed-status

fail() {
    echo "seed: $*" >&2
    exit 1
}

fail_write() {
    fail "could not write the workspace of $image (is the disk full?); the next start tries again"
}

if [ -e "$target/$sentinel" ]; then
    exit 0
fi

count=0
if [ -d "$source" ]; then
    command -v tar >/dev/null 2>&1 ||
        fail "image $image has no tar, which copying its $source into the workspace needs; add tar to the image, or remove $source from it"
    cd "$source"
    # Everything in it but patterns that match nothing, and what would end the seeding by itself.
    # Kept are numbers of arguments: adding names one by one takes a shell minutes with many.
    set -- ./* ./.[!.]* ./..?*
    kept='' number=0
    for child; do
        number=$((number + 1))
        { [ -e "$child" ] || [ -L "$child" ]; } || continue
        [ "$child" != "./$sentinel" ] || continue
        kept="$kept \"\${$number}\""
    done
    eval "set -- $kept"
    if [ $# -gt 0 ]; then
        # A shell without pipefail sees only the last command of a pipe fail.
        rm -f "$status"
        { tar -c -f - --numeric-owner "$@" && : >"$status"; } |
            tar -x -p -f - --numeric-owner -C "$target" ||
            fail_write
        [ -e "$status" ] || fail "could not read $source of $image; the next start tries again"
        # Ended by NUL, because a name may hold a newline. For the record only: an image without find
        # is none that cannot be used.
        count=$(find "$@" -print0 2>/dev/null | tr -dc '\000' | wc -c)
        [ "$count" -ge $# ] || count=unknown
    fi
fi

# The workspace's file system alone, where sync can: others may have much to write.
flush() {
    sync -f "$target" 2>/dev/null || sync
}

cd "$target"
{
    printf 'image=%s\nfiles=%s\n' "$image" "${count##* }" >"$sentinel.tmp" &&
        flush &&
        mv -f "$sentinel.tmp" "$sentinel" &&
        flush
} || fail_write
