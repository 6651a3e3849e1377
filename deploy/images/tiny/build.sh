#!/bin/bash
# Build the tiny guest image: MBR + grub + one ext4 partition with a Debian cloud kernel and an initramfs (busybox,
# guest agent). The packages are unpacked, never installed; no loop device and no mount is needed. usage: build.sh OUTPUT
set -eu -o pipefail
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
umask 022
src=$(dirname "$(readlink -f "$0")")
output=$(realpath -m "${1:?usage: build.sh OUTPUT}")
die() { echo "build.sh: $*" >&2; exit 1; }
mkdir -p "${output%/*}"
work=$(mktemp -d "${output%/*}/build.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{debs,pkg,root}

# --- packages
cd "$work/debs"
# Debian's kernel for guests, or Ubuntu's.
for meta in linux-image-cloud-amd64 linux-image-kvm linux-image-virtual; do
  kernel=$(apt-cache depends "$meta" 2>/dev/null | awk '/Depends: linux-image-[^ ]*[0-9]/ { print $2; exit }') || true
  [ -z "$kernel" ] || break
done
[ -n "$kernel" ] || die "apt knows no kernel for guests (apt-get update?)"
version=${kernel#linux-image-}
modules=$(apt-cache search --names-only "^linux-modules-$version\$" | cut -d' ' -f1) # Ubuntu's are a package apart
# shellcheck disable=SC2086  # no modules package, no argument
apt-get download -q -o APT::Sandbox::User=root "$kernel" $modules busybox-static qemu-guest-agent \
  netcat-openbsd libbsd0 libmd0 >/dev/null
for deb in *.deb; do dpkg-deb -x "$deb" "$work/pkg"; done
pkg=$work/pkg
# A merged /usr moved what used to be in /bin and /lib; the guest wants one place.
for dir in bin lib; do
  if [ -d "$pkg/usr/$dir" ]; then mkdir -p "$pkg/$dir" && cp -an "$pkg/usr/$dir/." "$pkg/$dir/"; fi
done

# --- initramfs
cd "$work/root"
mkdir -p bin sbin lib64 lib/modules etc/acpi/PWRF proc sys dev run tmp mnt data root usr/bin usr/sbin var/log
ln -s /run var/run
cp "$pkg/bin/busybox" bin/
for applet in $("$pkg/bin/busybox" --list); do
  [ -e "bin/$applet" ] || ln -s busybox "bin/$applet" # the list has busybox itself
done
cp "$pkg/usr/sbin/qemu-ga" /sbin/mke2fs /sbin/resize2fs sbin/
ln -sf mke2fs sbin/mkfs.ext4
cp "$pkg/bin/nc.openbsd" bin/ # busybox's nc has no UDP and no -z
for program in sbin/qemu-ga sbin/mke2fs sbin/resize2fs bin/nc.openbsd; do
  libs=$(LD_LIBRARY_PATH=$pkg/lib/$(uname -m)-linux-gnu ldd "$program")
  if grep -q 'not found' <<<"$libs"; then die "$program needs a library that is not installed: $libs"; fi
  while read -r lib; do
    to=${lib#"$pkg"} to=.${to#/usr}
    mkdir -p "${to%/*}"
    cp -nL "$lib" "$to"
  done < <(grep -o '/[^ ]*' <<<"$libs")
done
depmod -b "$pkg" "$version"
for module in virtio_pci virtio_net virtio_blk virtio_scsi virtio_console virtio_balloon virtio_mem virtio_rng virtiofs \
  sr_mod sd_mod isofs vfat nls_ascii nls_cp437 af_packet button evdev; do
  modprobe -d "$pkg" -S "$version" --show-depends "$module" | awk '$1 == "insmod" { print $2 }'
done | sort -u | while read -r file; do
  mkdir -p ".$(dirname "${file#"$pkg"}")"
  cp "$file" ".${file#"$pkg"}"
done
cp "$pkg/lib/modules/$version"/modules.{order,builtin,builtin.modinfo} "lib/modules/$version/"
depmod -b . "$version"
echo 'root::0:0:root:/root:/bin/sh' >etc/passwd
echo 'root:x:0:' >etc/group
cp "$src"/guest/{uevent,agent,udhcpc}.sh etc/
cp "$src/guest/init" .
cp "$src/guest/powerbutton" etc/acpi/PWRF/00000080
cp "$src/guest/shutdown" sbin/ # the agent's guest-shutdown calls it
chmod 755 init etc/*.sh etc/acpi/PWRF/* sbin/shutdown

# --- disk: sector 0 is grub's boot.img (440 bytes, the partition table follows), core.img comes right behind it, which
# is where an unpatched boot.img looks; the partition starts at 1 MiB.
mkdir -p "$work/boot/boot/grub"
find . | cpio -o -H newc --quiet | gzip -1 >"$work/boot/boot/initrd.gz"
cp "$pkg/boot/vmlinuz-$version" "$work/boot/boot/vmlinuz"
cp "$src/guest/grub.cfg" "$work/boot/boot/grub/"
cd "$work"
grub-mkimage -O i386-pc -o core.img -p '(hd0,msdos1)/boot/grub' biosdisk part_msdos ext2 linux normal configfile
truncate -s 64M disk
echo '2048,,83,*' | sfdisk -q disk
dd if=/usr/lib/grub/i386-pc/boot.img of=disk bs=440 count=1 conv=notrunc status=none
dd if=core.img of=disk bs=512 seek=1 conv=notrunc status=none
truncate -s 63M part
# Blocks of 4 KiB: with the 1 KiB that mke2fs takes for so small a disk, an emulated guest spends 3 s more in grub.
mke2fs -q -b 4096 -t ext4 -L tinyroot -O '^64bit,^has_journal' -d boot part
dd if=part of=disk bs=1M seek=1 conv=notrunc,sparse status=none
qemu-img convert -c -O qcow2 disk "$work/image"
chmod 644 "$work/image"
mv "$work/image" "$output"
