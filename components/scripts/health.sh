#!/bin/sh
# Docker's health check: says what the entrypoint has found out last, see watch.sh. Docker's own pace is
# slow, to be cheap; while the gateway starts, this waits for the moment in which it is ready.
set -u
health=${SANDBOX_GATEWAY_ROOT:-}/run/sandbox-gateway/health
tries=${SANDBOX_GATEWAY_HEALTH_TRIES:-50}

# What has not been looked at for two minutes is not known any more.
is_healthy() {
    [ -n "$(find "$health" -mmin -2 2>/dev/null)" ] && [ "$(cat "$health")" = ok ]
}

until is_healthy; do
    tries=$((tries - 1))
    if [ "$tries" -le 0 ]; then
        cat "$health" || echo "nobody looks"
        exit 1
    fi
    sleep 1
done
