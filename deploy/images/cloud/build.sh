#!/bin/bash
# Build a guest image with cloud-init and systemd for the tests: Debian 12 from its packages, MBR + grub + one ext4
# partition, BIOS. No loop device and no mount is needed. usage: build.sh OUTPUT
set -eu -o pipefail
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
umask 022
src=$(dirname "$(readlink -f "$0")")
output=$(realpath -m "${1:?usage: build.sh OUTPUT}")
mkdir -p "${output%/*}"
work=$(mktemp -d "${output%/*}/build.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"

# Nothing that a guest of a test does not need: it boots emulated, and every unit costs.
packages=systemd-sysv,udev,dbus,kmod,iproute2,iputils-ping,cloud-init,qemu-guest-agent
packages+=,linux-image-cloud-amd64,initramfs-tools,zstd,nfs-common,netbase,login,passwd,e2fsprogs
. /etc/os-release
[ "$ID" = debian ] || { echo "build.sh: made of Debian's packages so far, and this is $ID" >&2; exit 1; }
# Where the computer gets Debian's packages from, the image gets them from.
sources=$(grep -rlE '^[^#]*/debian' /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null || true)
# shellcheck disable=SC2086,SC2016  # a list of files; a hook that mmdebstrap's shell reads
mmdebstrap --quiet --variant=minbase --mode=root --format=tar --include="$packages" \
  --aptopt='Apt::Install-Recommends "false"' \
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' \
  --customize-hook='rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*.bin' \
  "$VERSION_CODENAME" root.tar $sources >mmdebstrap.log 2>&1 || { tail -n 1 mmdebstrap.log >&2; exit 1; }
mkdir root
tar -C root -xf root.tar --numeric-owner
rm root.tar
cp -a "$src/guest/." root/
: >root/etc/machine-id # systemd makes one at the first boot
ln -sf /lib/systemd/system/systemd-networkd.service root/etc/systemd/system/multi-user.target.wants/
ln -sf ../test-console.service root/etc/systemd/system/multi-user.target.wants/
ln -sf /dev/null root/etc/systemd/system/serial-getty@ttyS0.service
# Updates and old file systems concern no test.
for unit in apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer; do
  ln -sf /dev/null "root/etc/systemd/system/$unit"
done
for file in vmlinuz initrd.img; do cp -L root/$file root/boot/$file.grub; done
rm -f root/boot/vmlinuz-* root/boot/initrd.img-*

# Sector 0 is grub's boot.img (440 bytes, the partition table follows), core.img comes right behind it, which is where
# an unpatched boot.img looks; the partition starts at 1 MiB.
grub-mkimage -O i386-pc -o core.img -p '(hd0,msdos1)/boot/grub' biosdisk part_msdos ext2 linux normal configfile
truncate -s 2G disk
echo '2048,,83,*' | sfdisk -q disk
dd if=/usr/lib/grub/i386-pc/boot.img of=disk bs=440 count=1 conv=notrunc status=none
dd if=core.img of=disk bs=512 seek=1 conv=notrunc status=none
truncate -s 2047M part
mke2fs -q -t ext4 -L cloudroot -O '^64bit' -E lazy_itable_init=1 -d root part
dd if=part of=disk bs=1M seek=1 conv=notrunc,sparse status=none
qemu-img convert -O qcow2 disk "$work/image"
chmod 644 "$work/image"
mv "$work/image" "$output"
