# Sourced by the image builders: progress lines with elapsed times, never silent for 15 seconds.

PHASE_BEGAN=$SECONDS

# say TEXT: one line with the seconds since the start.
say() {
    printf '[%3d s] %s\n' "$((SECONDS - PHASE_BEGAN))" "$1"
}

# phase TITLE COMMAND...: runs the command and says every 10 seconds that it still does, since
# neither npm nor tar tells anything of its own while it works.
phase() {
    local title=$1 ticker status
    shift
    say "$title"
    (
        # Short sleeps: when the script is killed, nothing holds its output open for long.
        ticks=0
        while sleep 1 && kill -0 $$ 2>/dev/null; do
            ticks=$((ticks + 1))
            [ $((ticks % 10)) -ne 0 ] || say "... $title"
        done
    ) &
    ticker=$!
    # In the foreground, or Ctrl-C would not reach it; as a plain command, or bash would go on
    # after an error inside it.
    set +e
    (
        set -e
        "$@"
    )
    status=$?
    set -e
    kill "$ticker" 2>/dev/null || true
    wait "$ticker" 2>/dev/null || true
    if [ "$status" -ne 0 ]; then
        say "$title: FAILED with status $status"
        exit "$status"
    fi
}
