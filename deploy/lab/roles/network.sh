# shellcheck shell=bash disable=SC2153,SC2154
# The network of a fake host: Open vSwitch on the userspace datapath, ovn-controller. Sourced by host.sh.
tunnel=$UNDER.$((10 + n))
mkdir -p /run/openvswitch /run/ovn
bind run/openvswitch /run/openvswitch
bind run/ovn /run/ovn
bind etc/openvswitch /etc/openvswitch
bind log/openvswitch /var/log/openvswitch
bind log/ovn /var/log/ovn

db=unix:/run/openvswitch/db.sock
[ -f /etc/openvswitch/conf.db ] || ovsdb-tool create /etc/openvswitch/conf.db /usr/share/openvswitch/vswitch.ovsschema
ovsdb-server --detach --no-chdir --pidfile --log-file -vconsole:off \
  --remote=punix:/run/openvswitch/db.sock --remote=db:Open_vSwitch,Open_vSwitch,manager_options /etc/openvswitch/conf.db
ovs-vsctl --no-wait init
ovs-vsctl --no-wait set Open_vSwitch . external_ids:system-id="$NAME" external_ids:hostname="$NAME" \
  external_ids:ovn-remote="tcp:$MGMT.2:6642" external_ids:ovn-encap-type=geneve external_ids:ovn-encap-ip="$tunnel" \
  external_ids:ovn-bridge-datapath-type=netdev external_ids:ovn-bridge-mappings=public:br-ex
ovs-vswitchd --detach --monitor --no-chdir --pidfile --log-file -vconsole:off "$db"
# The userspace datapath looks up tunnel routes on its own bridges, so the underlay NIC must be a port of one.
mac=$(cat /sys/class/net/eth1/address)
ovs-vsctl --may-exist add-br br-phy -- set bridge br-phy datapath_type=netdev other-config:hwaddr="$mac" \
  -- --may-exist add-port br-phy eth1 \
  -- --may-exist add-br br-ex -- set bridge br-ex datapath_type=netdev -- --may-exist add-port br-ex eth2 \
  -- --may-exist add-br br-int -- set bridge br-int datapath_type=netdev fail-mode=secure
ip addr add "$tunnel/24" dev br-phy
ovs-appctl tnl/neigh/aging 3600 >/dev/null # seconds, the most there is: `lab` says once who the others are
for br in br-phy br-ex br-int; do ip link set "$br" up; done
ovn-controller --detach --no-chdir --pidfile --log-file -vconsole:off "$db"

