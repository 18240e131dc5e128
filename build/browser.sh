#!/usr/bin/env bash
# Makes sure that there is a Chromium, and fonts with emoji, for the browser tests, and libfaketime
# for those of a wrong clock. The headless shell is preferred: a page of it takes a quarter of the
# work that one of the whole browser takes.
set -euo pipefail

shell=chromium-headless-shell
for name in google-chrome chromium-browser chromium $shell; do
  if command -v "$name" >/dev/null; then found=$name; fi
done
apt_knows_shell() { apt-cache show $shell >/dev/null 2>&1; }
may_install() { command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; }

if [ -n "${found:-}" ] && ls /usr/share/fonts/truetype/noto/NotoColorEmoji.ttf >/dev/null 2>&1 &&
  ls /usr/lib/*/faketime/libfaketime.so.1 >/dev/null 2>&1 &&
  { [ "$found" = $shell ] || ! may_install || ! apt_knows_shell; }; then
  exit 0
fi

if may_install; then
  echo "Installing Chromium, its fonts and libfaketime ..."
  apt-get update -qq
  if apt_knows_shell; then browser=$shell; else browser=chromium; fi
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    $browser fonts-noto-core fonts-noto-color-emoji faketime >/dev/null
elif [ -z "${found:-}" ]; then
  echo "The browser tests need Chromium: install it (on Debian, as root:" >&2
  echo "apt-get install $shell fonts-noto-color-emoji)." >&2
  exit 1
fi
