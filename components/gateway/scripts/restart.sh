# Part of the gateway's entrypoint: when k3s alone is ended and started again. Pods run on meanwhile:
# what holds them is no child of k3s.
#
# k3s renews its certificates only when it starts, and only those with 120 days or less of their year
# left: a gateway that simply runs would end with them. And one whose API has stopped answering would
# stay like that: Docker starts again what ends, not what hangs.

# Days that certificates may have left before k3s is started again: a start renews them then.
RENEW_DAYS=110

# Looks between two readings of the certificates: about an hour.
certificate_looks=${SANDBOX_GATEWAY_CERTIFICATE_LOOKS:-120}

# Seconds without an answer after which k3s hangs; twice as many after each restart that did not help.
hung_seconds=${SANDBOX_GATEWAY_HUNG_SECONDS:-600}

# Restarts that may be in vain, and good looks after which they are forgotten: about an hour.
RESTARTS=3
STEADY_LOOKS=120

# Seconds that k3s may take to end.
end_seconds=15

# Asks k3s to end, and makes it when it does not: one that hangs must not take the pods' grace.
press() {
    kill -TERM "$k3s" 2>/dev/null
    tries=$((end_seconds * 5))
    while kill -0 "$k3s" 2>/dev/null; do
        [ "$tries" -gt 0 ] || kill -KILL "$k3s" 2>/dev/null
        tries=$((tries - 1))
        sleep 0.2 >/dev/null 2>&1
    done
}

# Of the watcher's: the entrypoint starts k3s again when it finds the file, and a new watcher with it.
restart_k3s() {
    [ ! -e "$run/stopping" ] || return 0
    say "$1: k3s alone is ended and started again, sandboxes run on"
    result "k3s is being started again: $1"
    touch "$run/again" && press
}

# Thinks about what a look has found. `answers` is `yes`, `no`, or nothing where nobody was asked.
tend() {
    now=$(date +%s)
    # A machine that slept has not waited for an answer, and a clock may be set back.
    passed=$((now - ${looked:-now})) looked=$now
    [ "$passed" -ge 0 ] || passed=0
    [ "$passed" -le 15 ] || passed=15
    case $answers in
    yes)
        [ $((steady % certificate_looks)) -ne 0 ] || tend_certificates
        answered=yes silent=0 steady=$((steady + 1))
        [ "$steady" -ne "$STEADY_LOOKS" ] || rm -f "$run/restarts"
        ;;
    no)
        steady=0
        tend_silence
        ;;
    esac
}

tend_silence() {
    restarts=$(cat "$run/restarts" 2>/dev/null || echo 0)
    # A first start takes as long as it takes: a slow disk, large archives of images.
    [ -n "$answered" ] || [ "$restarts" -gt 0 ] || return 0
    silent=$((silent + passed))
    [ "$silent" -ge $((hung_seconds << restarts)) ] || return 0
    if [ "$restarts" -lt "$RESTARTS" ]; then
        echo $((restarts + 1)) >"$run/restarts"
        restart_k3s "the Kubernetes API has not answered for $silent seconds"
    elif [ -z "$given_up" ]; then
        given_up=yes
        warn "the Kubernetes API does not answer, and $restarts restarts of k3s have not helped. Sandboxes run on, but nothing looks after them. Why: docker logs $volume; to start everything anew, sandboxes too: docker restart $volume"
    fi
}

# k3s is started again when its certificates have both few days left and less than a third of what they
# had when it started: so that one that a start does not renew can never make a loop.
tend_certificates() {
    read_certificates
    [ -n "$soonest" ] || return 0
    left=$((soonest - now))
    : "${left_first:=$left}"
    if [ "$left_first" -gt 0 ] && [ "$left" -lt $((RENEW_DAYS * 86400)) ] && [ "$left" -lt $((left_first / 3)) ]; then
        # k3s empties a certificate's file before it writes it.
        if has_room; then
            restart_k3s "k3s's certificates end on $ends, and are renewed when it starts"
        else
            warn "k3s's certificates end on $ends, and are not renewed while nothing can be written to the volume $volume: make room on its disk (docker system df)"
        fi
    fi
}

has_room() {
    probe=$data/.sandbox-gateway-room room=yes
    head -c 262144 /dev/zero 2>/dev/null | cat >"$probe" 2>/dev/null || room=
    rm -f "$probe" 2>/dev/null
    [ -n "$room" ]
}

# The first of k3s's certificates to end: `soonest` as seconds since 1970, `ends` as a day.
read_certificates() {
    soonest=''
    for file in "$data"/server/tls/*.crt "$data"/agent/*.crt; do
        case $file in
        *-ca.crt | *-ca.*.crt) continue ;;
        esac
        [ -s "$file" ] || continue
        read -r at day <<END
$(end_of "$file")
END
        [ -n "$at" ] || continue
        [ -n "$soonest" ] && [ "$at" -ge "$soonest" ] || soonest=$at ends=$day
    done
    [ -z "$soonest" ] || { echo "$ends" >"$run/certificates.new" && mv "$run/certificates.new" "$run/certificates"; } 2>/dev/null
}

# When a certificate ends, as seconds and as a day. k3s's image has no program that reads one; but the
# two dates are plain text in it, the second of which is the end.
end_of() {
    awk '/^-----BEGIN/ { inside = 1; next } /^-----END/ { exit } inside' "$1" | base64 -d 2>/dev/null |
        tr -c '0-9Z' '\n' | awk '
        match($0, /^[0-9]+Z/) && (RLENGTH == 13 || RLENGTH == 15) && ++dates == 2 {
            digits = substr($0, 1, RLENGTH - 1)
            # The short form has two digits of the year, and ends with 2049.
            if (RLENGTH == 13) digits = (substr(digits, 1, 2) < "50" ? "20" : "19") digits
            y = substr(digits, 1, 4) + 0; m = substr(digits, 5, 2) + 0; d = substr(digits, 7, 2) + 0
            day = sprintf("%04d-%02d-%02d", y, m, d)
            # Days since 1970, counted in years that begin with March.
            if (m <= 2) { y--; m += 12 }
            days = 365 * y + int(y / 4) - int(y / 100) + int(y / 400) + int((153 * (m - 3) + 2) / 5) + d - 719469
            printf "%.0f %s\n", days * 86400 + substr(digits, 9, 2) * 3600 + substr(digits, 11, 2) * 60 + substr(digits, 13, 2), day
            exit
        }'
}
