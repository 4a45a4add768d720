# SPDX-License-Identifier: MIT
"""nfs - consumers of a spool on NFSv4

Debian's kernel in qemu is server and client: it mounts over loopback what it
exports from a disk of its own. There flock(2) locks only what is open for
writing, and is a lock of the server. hookdir run and its command run there as
they are, two at a time, and each message must be run once.
"""

import functools
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "e2e"))
# pylint: disable=wrong-import-position
from cutdisk import Disk  # noqa: E402
from harness import (Process, eq, fail, folder, has, main, ok,  # noqa: E402
                     read, root_file, test, wait_for, write)
from initramfs import image, kernel, libraries, modules  # noqa: E402

TOOL = os.path.abspath(os.environ.get(
    "HOOKDIR_TOOL", root_file("build", "hookdir")))
BOOT = 300  # seconds; a limit for what hangs
TOOLS = ("/bin/mkdir", "/bin/mv", "/bin/ls", "/bin/cat", "/bin/sleep",
         "/bin/rm", "/usr/bin/flock")

# Says PART, RAN and what is left, each on a line.
SCENARIO = r"""
n=0
# Six messages in a spool of its own, at $S and at $T
put() {
    echo "PART $1"
    n=$((n + 1))
    S=/mnt/$n T=/mnt2/$n
    mkdir -p $S/tmp $S/new $S/cur $S/failed
    for i in 1 2 3 4 5 6; do
        printf '{"specversion":"1.0","id":"%s","source":"s","type":"t",'\
'"subject":"%s","data":{}}' $i $((i % 3)) >$S/tmp/x
        mv $S/tmp/x $S/new/179529271$i.M1P1Q1.h.json
    done
}
left() {
    for d in new cur failed; do
        for f in $S/$d/*; do [ -e $f ] && echo "LEFT $d"; done
    done
    echo "STATUS $1"
    [ -e /ran ] && cat /ran
    rm -f /ran
}
run() {
    hookdir run "$@" -- sh -c 'sleep 1; echo "RAN $CE_ID" >>/ran' 2>&1 | cat
}
for options in "--jobs 2" "--in-order --jobs 2" --latest; do
    put "$options"
    run $options $S &
    run $options $T
    wait
    left "$(hookdir run $S -- sh -c : >/dev/null; echo $?)"
done
put failed
hookdir run $S -- sh -c 'exit 65' >/dev/null 2>&1
hookdir requeue --all $T
run $S
left 0
put held
for f in $S/new/*; do break; done
mv $f $S/cur/
f=${f##*/}
( exec 9<>$S/cur/$f; flock -x 9; sleep 9; echo RELEASED >>/ran ) &
sleep 2
run $T
left 0
wait
"""


@functools.cache
def init():
    path = os.path.join(folder("init"), "init")
    done = subprocess.run(
        ["gcc", "-O1", "-static", "-D_GNU_SOURCE", "-o", path,
         root_file("tests", "torture", "nfs_init.c")], check=False, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        fail(f"the guest's init does not compile:\n{done.stdout}")
    return path


def root():
    files = {"/init": init(), "/bin/hookdir": TOOL, "/bin/sh": "/bin/dash",
             "/scenario": write(os.path.join(folder("nfs"), "s"), SCENARIO)}
    files.update({"/bin/" + os.path.basename(tool): tool for tool in TOOLS})
    for program in (TOOL, "/bin/dash", *TOOLS):
        files.update(libraries(program))
    return image(files, modules("virtio_pci", "virtio_blk", "ext4", "nfsd",
                                "nfsv4"),
                 ("/disk", "/mnt", "/mnt2", "/tmp", "/var/lib/nfs/v4recovery"))


def boot():
    """What the guest said"""
    guest = Process("qemu")
    disk = Disk("ext4")
    here = folder("guest")
    console = os.path.join(here, "console")
    guest.spawn(
        ["qemu-system-x86_64", "-accel", "tcg", "-cpu", "max", "-m", "512",
         "-nodefaults", "-display", "none", "-no-reboot", "-serial",
         f"file:{console}", "-kernel", kernel()[0], "-initrd", root(),
         "-append", "console=ttyS0 quiet panic=-1", "-drive",
         f"file={disk.image},format=raw,if=none,id=disk", "-device",
         "virtio-blk-pci,drive=disk"], os.path.join(here, "log"))
    try:
        wait_for(lambda: not guest.alive(), "the guest's end", BOOT)
    finally:
        guest.stop(9)
        text = read(console) if os.path.exists(console) else ""
        disk.close()
    if "FAULT" in text or "\nEND" not in text:
        fail(f"the guest: {text[-2000:]}")
    return text.replace("\r", "")


@test("consumers on NFSv4: each message once, by two at a time",
      seconds=2 * BOOT)
def _():
    text = boot()
    parts = dict(re.findall(r"PART (.*)\n((?:(?!PART).*\n)*)", text))
    eq("parts", len(parts), 5)
    ids = [str(number) for number in range(1, 7)]
    for name, said in parts.items():
        ran = re.findall("RAN (.*)", said)
        print(f"# {name}: {said!r}")
        has(name, said, "STATUS 0")
        if name == "held":
            # The run may still be there when the lock is released.
            eq("ran", sorted({*ran, "1"}), ids)
            if "1" in ran:
                ok("not before", "RELEASED" in said.partition("RAN 1\n")[0])
            continue
        eq(f"{name}: left", re.findall("LEFT (.*)", said), [])
        eq(f"{name}: ran", sorted(ran),
           ids[3:] if name == "--latest" else ids)
        ok(f"{name}: no fault", "cannot" not in said)
        if name in ("--latest", "--in-order --jobs 2"):
            has(f"{name}: the second run", said, "another run keeps order")
        if "order" in name:
            for subject in range(3):
                mine = [i for i in ran if int(i) % 3 == subject]
                eq("order", mine, sorted(mine))
    print("# figure NFSv4 | two runs at a time: messages run once | "
          f"{len(parts)} ways | all", flush=True)


if __name__ == "__main__":
    main()
