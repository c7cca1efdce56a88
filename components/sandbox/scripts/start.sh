#!/bin/sh
# Starts the application of a sandbox.
#
#   start.sh [PATTERN...] -- COMMAND [ARGUMENT...]
#
# Removes what matches the shell patterns, then becomes COMMAND. It runs before each start of the
# container, when nothing of the application is alive that could own a lock file: never beside it.
set -u

# Patterns are split at nothing and expanded by the shell; a name with spaces stays one name.
IFS=
while [ $# -gt 0 ] && [ "$1" != "--" ]; do
    # shellcheck disable=SC2086
    for file in $1; do
        if [ -e "$file" ] || [ -L "$file" ]; then
            echo "start: removing stale $file" >&2
            rm -rf -- "$file"
        fi
    done
    shift
done
if [ $# -lt 2 ]; then
    echo "start: got no command; expected: start.sh [PATTERN...] -- COMMAND [ARGUMENT...]" >&2
    exit 64
fi
shift

# Process 1 of a container has to collect orphans. An application seldom does; tini does, where the
# image has it.
if [ $$ -eq 1 ] && command -v tini >/dev/null 2>&1; then
    exec tini -- "$@"
fi
exec "$@"
