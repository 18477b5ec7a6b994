#!/bin/sh
# What CloudStack's management server (4.4 and later) runs on a router to collect alerts:
# /opt/cloud/bin/getRouterAlerts.sh DATE TIME. It expects one line and exit status 0, always, so
# whatever goes wrong is "No Alerts"; `vrwatch legacy-alerts` run by hand says what it was.
#
# Options of `vrwatch legacy-alerts`, on the first line of this file. Management servers up to
# 4.13 need --twelve-hour.
options_file=/etc/vrwatch/legacy-alerts

# The server takes what stands on stderr for a part of the answer.
exec 2>/dev/null
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
options=$(head -n 1 "$options_file")
# Options are split into words, and nothing else is done with them.
set -f
# shellcheck disable=SC2086
answer=$(timeout -k 1 25 vrwatch --log-level error legacy-alerts $options -- "$@" </dev/null) || answer=
printf '%s\n' "${answer:-No Alerts}"
exit 0
