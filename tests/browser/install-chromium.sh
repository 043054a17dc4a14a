#!/bin/sh
# Make sure that there is a Chromium for the browser tests: $CHROMIUM, or Debian's headless shell (the
# same engine without the windows, which takes half as long for a page), or any other on the PATH.
set -eu
[ -n "${CHROMIUM:-}" ] && [ -x "$CHROMIUM" ] && exit 0
command -v chromium-headless-shell >/dev/null 2>&1 && exit 0

other=""
for name in chromium chromium-browser google-chrome; do
    command -v "$name" >/dev/null 2>&1 && other="$name"
done
as_root=""
[ "$(id -u)" -eq 0 ] || as_root="sudo"

apt() {
    DEBIAN_FRONTEND=noninteractive $as_root apt-get -qq \
        -o Acquire::Retries=1 -o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20 "$@"
}
add() {
    apt install -y --no-install-recommends "$@" >/dev/null
}
known() {
    apt-cache show "$1" >/dev/null 2>&1
}

if [ -n "$other" ]; then
    # That one does, only slower: whatever hinders the shell is no reason to stop, or to ask for a
    # password.
    command -v apt-get >/dev/null 2>&1 || exit 0
    [ -z "$as_root" ] || as_root="sudo -n"
    (
        # No list of packages at all is that of a container; a list without the shell is another
        # distribution's.
        known apt || apt update
        known chromium-headless-shell || exit 0
        add chromium-headless-shell || { apt update && add chromium-headless-shell; }
    ) >/dev/null 2>&1 || true
    exit 0
fi
if ! command -v apt-get >/dev/null 2>&1; then
    echo "The browser tests need Chromium: install it, or set CHROMIUM to its path." >&2
    exit 1
fi
echo "Installing Chromium from the distribution for the browser tests"
apt update
if known chromium-headless-shell; then
    add chromium-headless-shell fonts-liberation
else
    add chromium fonts-liberation
fi
