# Sourced by the image builders: progress lines with elapsed times, never silent for 15 seconds.

PHASE_BEGAN=$SECONDS

# say TEXT: one line with the seconds since the start.
say() {
    printf '[%3d s] %s\n' "$((SECONDS - PHASE_BEGAN))" "$1"
}

# phase TITLE COMMAND...: runs the command and says every 10 seconds that it still does, since
# neither npm nor tar tells anything of its own while it works.
phase() {
    local title=$1 ticker status=0
    shift
    say "$title"
    (
        # The sleep must not outlive the ticker: it would hold the caller's pipe open.
        trap 'kill "$sleeper" 2>/dev/null; exit' TERM
        while true; do
            sleep 10 &
            sleeper=$!
            wait "$sleeper"
            say "... $title"
        done
    ) &
    ticker=$!
    "$@" || status=$?
    kill "$ticker" 2>/dev/null || true
    wait "$ticker" 2>/dev/null || true
    if [ "$status" -ne 0 ]; then
        say "$title: FAILED with status $status"
        return "$status"
    fi
}
