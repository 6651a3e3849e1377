# shellcheck shell=bash disable=SC2153,SC2154
# One fake host: virtlogd and libvirtd, with a network of OVN unless the lab has none. Sourced by machine.sh.
n=${NAME#h} ip=$MGMT.$((10 + ${NAME#h}))
wait_for 10 ip link show eth2 # the last cable
ip addr add "$ip/24" dev eth0
for nic in eth0 eth1 eth2; do ip link set "$nic" up; done
# shellcheck source=/dev/null
if [ "$NETWORK" = yes ]; then . "$HERE/roles/network.sh"; fi

mkdir -p /run/libvirt "$LOCAL"
bind run/libvirt /run/libvirt
bind etc/libvirt /etc/libvirt
bind lib/libvirt /var/lib/libvirt
bind cache/libvirt /var/cache/libvirt
bind log/libvirt /var/log/libvirt
mkdir -p /var/log/libvirt/qemu # libvirtd makes it too late for the serial log of the first guest
bind local "$LOCAL" # same path on every host, another folder on each

pki=$LAB/pki/$NAME
cat >/etc/libvirt/libvirtd.conf <<F
host_uuid = "$(printf '00000000-0000-4000-8000-0000000000%02x' "$n")"
unix_sock_group = "root"
unix_sock_rw_perms = "0700"
auth_unix_ro = "none"
auth_unix_rw = "none"
listen_tcp = 1
listen_tls = 1
auth_tcp = "none"
auth_tls = "none"
ca_file = "$pki/ca-cert.pem"
cert_file = "$pki/server-cert.pem"
key_file = "$pki/server-key.pem"
max_clients = 500
max_workers = 40
log_level = 3
log_outputs = "3:file:/var/log/libvirt/libvirtd.log"
F
controllers='"cpu", "memory", "blkio", "cpuset", "cpuacct"'
compgen -G '/sys/fs/cgroup/*' >/dev/null || controllers=
cat >/etc/libvirt/qemu.conf <<F
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
namespaces = []
cgroup_controllers = [ $controllers ]
stdio_handler = "logd"
vnc_listen = "0.0.0.0"
default_tls_x509_cert_dir = "$pki"
migration_host = "$ip"
migration_address = "0.0.0.0"
F
virtlogd -d -p /run/libvirt/virtlogd.pid
libvirtd -d -l -p /run/libvirt/libvirtd.pid
