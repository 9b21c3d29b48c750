#!/bin/sh
# Debian packages the tests need beside Python: a browser, its driver, a second MQTT broker, PostgreSQL, fonts.
# As root on Debian they are installed; otherwise it says which tests are left out and how to get them.
set -eu

missing=""
command -v chromium >/dev/null 2>&1 || missing="$missing chromium"
command -v chromedriver >/dev/null 2>&1 || missing="$missing chromium-driver"
command -v mosquitto >/dev/null 2>&1 || test -x /usr/sbin/mosquitto || missing="$missing mosquitto"
ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || missing="$missing postgresql"
fc-list 2>/dev/null | grep -qi 'noto.*cjk' || missing="$missing fonts-noto-cjk"
if [ "${1:-}" = venv ]; then missing="python3-venv"; fi
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing for the tests:$missing"
    apt-get update -qq
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
    echo "Left out: the tests that need$missing."
    echo "To run them as well: sudo apt-get install$missing"
fi
if [ "${1:-}" = venv ]; then exec "$2" -m venv "$3"; fi
