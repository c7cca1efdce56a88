# Sourced by what takes packages of another suite of Debian's than this machine's own. Needs fail and
# phase of the caller.

# debian_archive: where this machine gets Debian's main archive from; updates and other origins have
# other paths.
debian_archive() {
    local archive
    archive=$(main_archives | head -n 1)
    if [ -z "$archive" ]; then
        # Which sources are Debian's is known only from their downloaded lists.
        apt-get -qq -o DPkg::Lock::Timeout=600 update >&2
        archive=$(main_archives | head -n 1)
    fi
    [ -n "$archive" ] || fail "this machine's apt has no Debian source to get packages from"
    printf '%s\n' "$archive"
}

main_archives() {
    apt-get indextargets --format '$(ORIGIN) $(REPO_URI) $(RELEASE) $(COMPONENT)' \
        'Created-By: Packages' |
        awk '$1 == "Debian" && $3 !~ /-/ && $4 == "main" { print $2 }' | sort -u
}

# suite_source SUITE: a line of sources.list for it.
suite_source() {
    local archive
    archive=$(debian_archive) || return
    printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' \
        "$archive" "$1"
}

# apt_transport: settings without which a machine behind a proxy or a mirror does not reach its packages.
apt_transport() {
    apt-config dump | grep -E '^Acquire::(http|https|Retries)' || true
}
