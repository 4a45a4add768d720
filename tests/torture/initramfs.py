# SPDX-License-Identifier: MIT
"""initramfs - Debian's kernel, and a root of files in memory for it

    image({"/init": "here/init"}, modules("ext4"), ("/disk",))

is the path of a file for qemu's -initrd. /modules lists the modules in the
order in which they are to be loaded. HOOKDIR_KERNEL names a kernel, for which
/boot is searched otherwise, and what tests/need unpacked.
"""

import functools
import glob
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "e2e"))
# pylint: disable=wrong-import-position
from cutdisk import command  # noqa: E402
from harness import UNPACKED, fail, folder  # noqa: E402


@functools.cache
def kernel():
    """Its file, its version, and the folder that has its lib/modules"""
    found = os.environ.get("HOOKDIR_KERNEL")
    unpacked = os.path.join(UNPACKED, "root")
    found = [found] if found else [
        *sorted(glob.glob(f"{unpacked}/boot/vmlinuz-*-amd64")),
        *sorted(glob.glob("/boot/vmlinuz-*-amd64"))]
    for path in reversed(found):
        version = os.path.basename(path).removeprefix("vmlinuz-")
        for base in ("/", unpacked):
            if os.path.isdir(f"{base}/lib/modules/{version}/kernel"):
                return path, version, base
    return fail("no kernel in /boot with its modules; install "
                "linux-image-cloud-amd64, or set HOOKDIR_KERNEL")


def modules(*names):
    """The files of these and of what they need, in that order"""
    found = []
    for name in names:
        _, version, base = kernel()
        if not os.path.exists(f"{base}/lib/modules/{version}/modules.dep"):
            command("depmod", "--basedir", base, version)
        out = command("modprobe", "--dirname", base, "--set-version", version,
                      "--show-depends", name)
        # With "/" for --dirname the paths begin with "//".
        found += [path for path in re.findall(r"^insmod /*(/\S+)", out, re.M)
                  if path not in found]
    return found


def cpio_entry(name, mode, content=b"", device=(0, 0)):
    """Of the format "newc", which the kernel unpacks"""
    name = name.lstrip("/").encode() + b"\0"
    fields = (0, mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(name), 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + name
    return (head + b"\0" * (-len(head) % 4)
            + content + b"\0" * (-len(content) % 4))


def libraries(program):
    """What a program needs, with its paths"""
    return {path: path for path in re.findall(
        r"(/\S+) \(0x", command("ldd", program))}


def image(files, drivers, directories=()):
    """files: the path there, and the file here"""
    files = {**{path: path for path in drivers}, **files}
    parts = {"/dev", "/proc", *directories}
    for path in [*files, *directories]:
        while path != "/":
            path = os.path.dirname(path)
            parts.add(path)
    data = b"".join(cpio_entry(path, 0o40755) for path in sorted(parts)
                    if path != "/")
    for path, source in files.items():
        with open(source, "rb") as file:
            data += cpio_entry(path, 0o100755, file.read())
    data += cpio_entry("/modules", 0o100644, "".join(
        path + "\n" for path in drivers).encode())
    # The console is open before there is a /dev.
    data += cpio_entry("/dev/console", 0o20600, device=(5, 1))
    data += cpio_entry("TRAILER!!!", 0)
    path = os.path.join(folder("initramfs"), "image")
    with open(path, "wb") as file:
        file.write(data)
    return path
