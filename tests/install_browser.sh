#!/usr/bin/env bash
# Sees to it that the tests in a browser have one: the system's Chromium, installed where that may be
# done without asking. Where it may not, it says what will be left out.
set -u

for name in chromium chromium-browser; do
  command -v "$name" >/dev/null && exit 0
done

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo 'installing Chromium for the tests in a browser' >&2
  { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; } >/dev/null 2>&1 &&
    exit 0
fi

echo 'No Chromium is installed, and it cannot be installed from here (apt-get as root can): the tests' \
  'that look at reports (tests/reports) and click through a study (tests/study/browser) are left out.' >&2
