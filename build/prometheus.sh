#!/usr/bin/env bash
# Makes sure that there is Prometheus with promtool, for the tests of the figures and the alerts.
set -euo pipefail

if command -v prometheus >/dev/null && command -v promtool >/dev/null; then
  exit 0
fi

if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
  echo "Installing Prometheus ..."
  apt-get update -qq
  # RUNLEVEL=1: the package would start a server of its own.
  RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    prometheus >/dev/null
else
  echo "The tests of the alerts need Prometheus: install it (on Debian, as root:" >&2
  echo "apt-get install prometheus). Without it they are left out." >&2
fi
