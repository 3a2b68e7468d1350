#!/bin/bash
# The first process of a machine: init.sh NAME DISK SHARE
# Started in new mount, UTS, network, PID, IPC and cgroup namespaces. It gives the machine a root
# (the host's, read-only, with /var, /opt and /etc of its own and empty /run and /tmp), then starts
# each line written to /run/lab/control. Killing it is pulling the plug: nothing of the machine survives.
set -e
name=$1 disk=$2 share=$3 root=$2/root

# The host's procfs is still mounted here, so this is the host's pid.
read -r pid _ < /proc/self/stat
started=$(cut -d' ' -f22 "/proc/$pid/stat")
hostname "$name"

mkdir -p "$root" "$disk"/var/{lib/kubelet,lib/containerd,lib/cni,log,tmp} "$disk"/opt/lab "$disk"/etc.{upper,work}
mount --bind / "$root"
mount -o remount,bind,ro "$root"
mount --bind "$disk/var" "$root/var"
mount --bind "$disk/opt" "$root/opt"
mount --bind "$share" "$root/opt/lab"
mount -o remount,bind,ro "$root/opt/lab"
mount -t overlay -o "lowerdir=/etc,upperdir=$disk/etc.upper,workdir=$disk/etc.work" etc "$root/etc"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount -t tmpfs -o mode=755 run "$root/run"
mount -t tmpfs tmp "$root/tmp"
mount --bind /dev "$root/dev"
mount -t devpts -o newinstance,ptmxmode=666,mode=620 pts "$root/dev/pts"
mount -t tmpfs shm "$root/dev/shm"

# Own mounts of the cgroup v1 hierarchies: in this cgroup namespace their root is the machine's folder.
# Only those that the host has mounted: a machine must not bring a new one into being.
mount -t tmpfs -o mode=755 cgroup "$root/sys/fs/cgroup"
while IFS=: read -r id controllers _; do
  [ "$id" = 0 ] && continue
  [ -d "/sys/fs/cgroup/${controllers#name=}" ] || continue
  mkdir "$root/sys/fs/cgroup/${controllers#name=}"
  case $controllers in name=*) option=none,$controllers ;; *) option=$controllers ;; esac
  mount -t cgroup -o "$option" cgroup "$root/sys/fs/cgroup/${controllers#name=}"
done < /proc/self/cgroup

echo "$pid $started" > "$disk/init"
cd "$root"
pivot_root . .
umount -l .
cd /
# node-agent and kubelet want their mounts to propagate.
mount --make-rshared /

echo "127.0.0.1 localhost $name" > /etc/hosts
: > /etc/resolv.conf
echo "$name" > /etc/hostname
ip link set lo up
sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0

mkdir -p /run/lab /run/lock
mkfifo /run/lab/control
exec 3<>/run/lab/control
: > /run/lab/ready
trap : TERM INT HUP
while :; do
  read -r -u3 line || continue
  setsid bash -c "$line" </dev/null >/dev/null 2>&1 &
done
