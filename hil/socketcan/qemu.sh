#!/usr/bin/env bash
# Runs a command inside a machine with two SJA1000 CAN controllers on one bus, emulated by qemu, without root and without KVM:
#
#   hil/socketcan/qemu.sh COMMAND...       exit code = the command's; 98 when the packages cannot be had, 99 when it did not end
#
# The kernel is Debian's for real machines, so its drivers are the real ones: kvaser_pci over sja1000, with bit timing, error
# counters, bus-off. Root file system: this machine's, read-only, and a temporary /tmp. Inside: can0 and can1, down. Some 13 times
# slower than this machine: for function, not for timing. docs/socketcan.md tells more.
#
#   QEMU_MEMORY=1024M   QEMU_TIMEOUT_S=600   QEMU_CACHE=~/.cache/autonomy/qemu
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${QEMU_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/autonomy/qemu}
python=${UML_PYTHON:-$(command -v python3)}
unavailable() { echo "qemu.sh: NO CAN CONTROLLERS HERE: $1" >&2; exit 98; }

fetch() {  # the packages unpacked beside the caches of this user: nothing is installed
    rm -rf "$cache" && mkdir -p "$cache/packages" && cd "$cache/packages" || return 1
    apt-cache show linux-image-amd64 >/dev/null 2>&1 || apt-get update -qq >/dev/null 2>&1 || return 1
    kernel=$(apt-cache depends linux-image-amd64 | sed -n 's/^ *Depends: \(linux-image-.*\)/\1/p' | head -1)
    needed=$(apt-get install -s --no-install-recommends qemu-system-x86 2>/dev/null | sed -n 's/^Inst \([^ ]*\).*/\1/p' |
        grep -v '^linux-image')
    command -v qemu-system-x86_64 >/dev/null && needed=
    [ -n "$kernel" ] && apt-get download -q $kernel $needed busybox-static >/dev/null 2>&1 || return 1
    for package in *.deb; do dpkg -x "$package" "$cache" || return 1; done
    cd "$cache" && rm -rf packages && touch complete
}

[ "$(uname -m)" = x86_64 ] || unavailable "this machine is no x86-64"
for tool in apt-get dpkg ip; do command -v $tool >/dev/null || unavailable "'$tool' is missing"; done
[ -e "$cache/complete" ] || (fetch) || unavailable "Debian's packages qemu-system-x86, linux-image-amd64, busybox-static cannot be had"
qemu=$(command -v qemu-system-x86_64) || {
    qemu=$cache/usr/bin/qemu-system-x86_64
    export LD_LIBRARY_PATH=$cache/usr/lib/x86_64-linux-gnu:$cache/lib/x86_64-linux-gnu
}
data=$(ls -d "$cache/usr/share/qemu" 2>/dev/null) && firmware=(-L "$data" -L "$cache/usr/share/seabios") || firmware=()

run=$(mktemp -d "${TMPDIR:-/tmp}/qemu.XXXXXX")
trap 'rm -rf "$run"' EXIT
{ export -p | grep -v LD_LIBRARY_PATH; printf 'cd %q\n' "$PWD"; printf '%q ' "$@"; echo; } > "$run/command"
: > "$run/output"
"$python" "$here/initramfs.py" "$cache" "$run" || exit 99

"$qemu" "${firmware[@]}" -accel tcg -cpu max -m "${QEMU_MEMORY:-1024M}" \
    -nodefaults -no-user-config -display none -no-reboot -serial "file:$run/console" \
    -kernel "$cache"/boot/vmlinuz-* -initrd "$run/initramfs" -append "console=ttyS0 quiet panic=-1 net.ifnames=0" \
    -object can-bus,id=bus0 -device kvaser_pci,canbus=bus0 -device kvaser_pci,canbus=bus0 \
    -virtfs local,path=/,mount_tag=machine,security_model=none,readonly=on,multidevs=remap \
    -virtfs local,path="$run",mount_tag=run,security_model=none < /dev/null 2> "$run/complaints" &
machine=$!
"$python" "$here/emulated_errors.py" "$machine" "$run" &
( for _ in $(seq "${QEMU_TIMEOUT_S:-600}"); do sleep 1; kill -0 $machine 2>/dev/null || exit; done; kill $machine ) 2>/dev/null &
tail -n +1 -f --pid=$machine -s 0.2 "$run/output"   # what the command prints, as it prints it
wait $machine 2>/dev/null
if [ ! -s "$run/status" ]; then
    echo "qemu.sh: the command did not come to its end; the machine's last words:" >&2
    cat "$run/complaints" >&2; tail -20 "$run/console" >&2
    exit 99
fi
exit "$(cat "$run/status")"
