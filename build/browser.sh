#!/usr/bin/env bash
# Makes sure that there is a Chromium, and fonts with emoji, for the browser tests, and libfaketime
# for those of a wrong clock.
set -euo pipefail

for name in chromium chromium-browser google-chrome; do
  command -v "$name" >/dev/null && found=$name
done
if [ -n "${found:-}" ] && ls /usr/share/fonts/truetype/noto/NotoColorEmoji.ttf >/dev/null 2>&1 &&
  ls /usr/lib/*/faketime/libfaketime.so.1 >/dev/null 2>&1; then
  exit 0
fi

if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
  echo "Installing Chromium, its fonts and libfaketime ..."
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    chromium fonts-noto-core fonts-noto-color-emoji faketime >/dev/null
elif [ -z "${found:-}" ]; then
  echo "The browser tests need Chromium: install it (on Debian, as root:" >&2
  echo "apt-get install chromium fonts-noto-color-emoji)." >&2
  exit 1
fi
