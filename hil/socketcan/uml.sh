#!/usr/bin/env bash
# Runs a command inside a kernel that has SocketCAN, on a machine whose own kernel has none, without root:
#
#   hil/socketcan/uml.sh COMMAND...        exit code = the command's; 98 when the kernel cannot be had, 99 when it did not come up
#
# The kernel is Debian's user-mode-linux: an ordinary process whose root file system is this machine's (hostfs), so the
# checkout and its Python are simply there. Inside: vcan0, vcan1, vcan2 with CAN FD, CAN_RAW, CAN_BCM, gateway, kernel J1939,
# tc. One processor, HZ = 100: for function, not for timing. docs/socketcan.md tells more.
#
#   UML_MEMORY=768M   UML_TIMEOUT_S=300   UML_CACHE=~/.cache/autonomy/uml   UML_TXQUEUELEN=1000
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${UML_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/autonomy/uml}

fetch() {  # the package unpacked beside the caches of this user: nothing is installed
    mkdir -p "$cache" && cd "$cache" || return 1
    apt-get download -q user-mode-linux >/dev/null 2>&1 ||
        { apt-get update -qq >/dev/null 2>&1 && apt-get download -q user-mode-linux >/dev/null 2>&1; } || return 1
    dpkg -x user-mode-linux_*.deb . && rm -f user-mode-linux_*.deb
}

kernel=$(command -v linux.uml) && modules=/usr/lib/uml/modules || {
    kernel=$cache/usr/bin/linux.uml modules=$cache/usr/lib/uml/modules
    [ -x "$kernel" ] || (fetch)
}
[ -x "$kernel" ] || { echo "uml.sh: NO REAL SOCKETCAN HERE: Debian's package user-mode-linux cannot be had" >&2; exit 98; }
for tool in ip mount; do
    command -v $tool >/dev/null || { echo "uml.sh: NO REAL SOCKETCAN HERE: '$tool' is missing (apt-get install iproute2 mount)" >&2; exit 98; }
done
python=${UML_PYTHON:-$(command -v python3)}

run=$(mktemp -d "${TMPDIR:-/tmp}/uml.XXXXXX")
trap 'rm -rf "$run"' EXIT
{ export -p; echo 'export TMPDIR=/dev/shm'; printf 'cd %q\n' "$PWD"; printf '%q ' "$@"; echo; } > "$run/command"
: > "$run/output"
cat > "$run/init" <<END
#!/bin/bash
exec $(printf '%q ' "$python" "$here/boot.py" "$run" "$(echo "$modules"/*/kernel)" "${UML_TXQUEUELEN:-1000}")
END
chmod +x "$run/init"

timeout -k 5 "${UML_TIMEOUT_S:-300}" "$kernel" mem="${UML_MEMORY:-768M}" rootfstype=hostfs rootflags=/ rw quiet \
    init="$run/init" con=null con0=null,null > "$run/console" 2>&1 < /dev/null &
machine=$!
tail -n +1 -f --pid=$machine -s 0.2 "$run/output"   # what the command prints, as it prints it
wait $machine
if [ ! -s "$run/status" ]; then
    echo "uml.sh: the command did not come to its end; the kernel's last words:" >&2
    tail -20 "$run/console" >&2
    exit 99
fi
exit "$(cat "$run/status")"
