"""The alert poller of CloudStack's management server, written down from its documentation alone.

    server.py STATE TWELVE_HOUR COMMAND...

Asks once: runs COMMAND with the stored stamp, takes the answer apart, stores the new stamp in the
file STATE and prints the alerts, one a line. Exit status 3 when the answer is refused.
"""

import calendar
import re
import subprocess
import sys

state, twelve_hour, command = sys.argv[1], sys.argv[2] == "yes", sys.argv[3:]
try:
    with open(state) as file:
        stored = file.read()
except FileNotFoundError:
    stored = "1970-01-01 00:00:00"

# Java's ProcessBuilder with redirectErrorStream: what stands on stderr is part of the answer.
asked = subprocess.run(
    command + stored.split(" "), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
)
if asked.returncode != 0:
    sys.exit(f"exit status {asked.returncode}")
details = asked.stdout.decode("ascii").strip()
if not details or details == "No Alerts":
    sys.exit(0)

alerts = details.split("\\n")
while alerts and not alerts[-1]:
    alerts.pop()
stamp = alerts[-1].split(",")[0]

# SimpleDateFormat, not lenient: yyyy-MM-dd HH:mm:ss, or hh up to 4.13.
found = re.fullmatch(r"(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)", stamp)
if not found:
    sys.exit(3)
year, month, day, hour, minute, second = map(int, found.groups())
hours = range(1, 13) if twelve_hour else range(24)
if month not in range(1, 13) or day not in range(1, calendar.monthrange(year, month)[1] + 1):
    sys.exit(3)
if hour not in hours or minute > 59 or second > 59:
    sys.exit(3)

with open(state, "w") as file:
    file.write(stamp)
for alert in alerts:
    if len(alert) > 999 or not alert.isascii() or not alert.isprintable():
        sys.exit(3)
    print(alert)
