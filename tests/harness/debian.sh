# Run by `unshare` as the first process of a new namespace: boots a whole Debian with systemd over a
# throw-away layer, and then waits until the test lets go of its standard input. Ending this process
# ends the machine, whatever became of the test.
# Arguments: the folder with Debian in it, which is left as it is; a name; the programs to install.
set -eu
debian=$1 name=$2
shift 2
for program; do
    set -- "$@" "--bind-ro=$program:/usr/bin/${program##*/}"
    shift
done

# Two machines in one control group would end each other's services. Which of these exist depends on
# whether the kernel has the old hierarchies, the new one, or both.
for tree in systemd unified .; do
    if [ -e "/sys/fs/cgroup/$tree/cgroup.procs" ]; then
        mkdir "/sys/fs/cgroup/$tree/$name"
        echo 0 >"/sys/fs/cgroup/$tree/$name/cgroup.procs"
    fi
done

mount -t tmpfs -o mode=755 machine /run
mkdir -p /run/changes/etc /run/work /run/root
echo r-42-VM >/run/changes/etc/hostname
mount -t overlay -o "lowerdir=$debian,upperdir=/run/changes,workdir=/run/work" debian /run/root
systemd-nspawn --quiet --boot --directory=/run/root --machine="$name" \
    --register=no --keep-unit --private-network --console=pipe \
    "$@" </dev/null >/run/console 2>&1 &
echo ready
exec cat >/dev/null 2>&1
