#!/bin/sh
# Docker's health check: says what the entrypoint has found out last, see watch.sh. Docker looks often,
# so that a start is not held up; one look at a gateway that is well lasts half a minute, because a
# process that sleeps costs less than starting another.
set -u
run=${SANDBOX_GATEWAY_ROOT:-}/run/sandbox-gateway
# Seconds that a gateway that is not ready is given to become so, and that one that is ready is watched.
tries=${SANDBOX_GATEWAY_HEALTH_TRIES:-50}
hold=${SANDBOX_GATEWAY_HEALTH_HOLD:-30}

# What has not been looked at for two minutes is not known any more.
is_healthy() {
    [ -n "$(find "$run/health" -mmin -2 2>/dev/null)" ] && [ "$(cat "$run/health")" = ok ]
}

if [ -e "$run/well" ]; then
    while [ "$hold" -gt 0 ] && is_healthy; do
        sleep 5
        hold=$((hold - 5))
    done
fi
until is_healthy; do
    tries=$((tries - 1))
    if [ "$tries" -le 0 ]; then
        cat "$run/health" || echo "nobody looks"
        exit 1
    fi
    sleep 1
done
# Docker knows from the end of this look on; a container that starts begins without the file.
echo >"$run/well"
