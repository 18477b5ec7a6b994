# Run by `unshare` as the first process of a new router: gives it directories of its own for all
# that its daemons write, and then waits until the test lets go of its standard input. Ending this
# process ends every other process in the box, whatever became of the test.
# Arguments: the vrwatch binary; "reap" or "keep-zombies".
set -eu
vrwatch=$1 reaper=$2

mount -t tmpfs -o mode=755,size=256m box /run
mkdir -p /run/box/bin /run/box/etc /run/box/lib/misc /run/box/lib/haproxy /run/box/log/apache2 \
    /run/box/dev/pts /run/lock
mkdir -m 1777 /run/box/tmp /run/box/dev/shm
: >/run/box/bin/vrwatch
mount --bind "$vrwatch" /run/box/bin/vrwatch
cp -a /etc/. /run/box/etc/

# A /dev/log of its own, and no device but the harmless ones.
for node in null zero full random urandom tty; do
    : >"/run/box/dev/$node"
    mount --bind "/dev/$node" "/run/box/dev/$node"
done
mount --bind /dev/pts /run/box/dev/pts
ln -s pts/ptmx /run/box/dev/ptmx
ln -s /proc/self/fd /run/box/dev/fd

mount --bind /run/box/etc /etc
mount --bind /run/box/lib /var/lib
mount --bind /run/box/log /var/log
mount --bind /run/box/tmp /tmp
mount --rbind /run/box/dev /dev

hostname r-42-VM
ip link set lo up
cd /
echo ready
# A parent that ignores SIGCHLD has its children collected by the kernel, as a router's init does.
if [ "$reaper" = reap ]; then
    exec env --ignore-signal=CHLD cat >/dev/null 2>&1
fi
exec cat >/dev/null 2>&1
