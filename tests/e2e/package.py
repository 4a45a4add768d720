# SPDX-License-Identifier: MIT
"""package - the Debian packages of this source, built in a Debian of their own

    python3 tests/e2e/package.py build/deb      what make deb does

debhelper, lintian and the libraries are in a tree of container.py, which is
mounted read-only below namespaces of the build, without a network. So the
machine stays as it was. Needs root; without it, dpkg-buildpackage -b does the
same where the packages of debian/control are installed.
"""

import glob
import os
import re
import shutil
import subprocess
import sys

from container import tree_of
from harness import ROOT, clean_environment, fail, folder, read

LEFT_OUT = ("./build", "./build-*", "./.git", "./debian/build",
            "__pycache__")
# In the tree $1; $2 has the source, and is the only place to write beside
# /tmp. The packages and what lintian says are then in $2, too.
BUILD = r"""
set -eu
mount --bind "$1" "$1"
mount --bind "$2" "$1/mnt"
mount -t tmpfs none "$1/tmp"
mount --bind /dev "$1/dev"
mount -t proc none "$1/proc"
mount -o remount,ro,bind "$1"
exec chroot "$1" sh -euc '
    export HOME=/tmp PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8
    cd "/mnt/$1"
    dpkg-buildpackage --no-sign --build=binary --jobs=2
    cd /mnt
    lintian --allow-root --fail-on error,warning --info --tag-display-limit 0 \
        hookdir_*.changes >lintian 2>&1 || { cat lintian; exit 1; }
' sh "$3"
"""


def tools():
    """What the build needs, as debian/control has it, and lintian"""
    control = read(os.path.join(ROOT, "debian", "control"))
    needs = re.search(r"^Build-Depends:\n((?: .*\n)+)", control, re.M)[1]
    names = re.findall(r"^ ([\w.+-]+)", needs, re.M)
    virtual = {"debhelper-compat": "debhelper",
               "dh-sequence-installsysusers": "debhelper"}
    return ["build-essential", "lintian",
            *(virtual.get(name, name) for name in names)]


def copy_source(target, source=ROOT):
    """The source as it is, without what was built"""
    os.mkdir(target)
    with subprocess.Popen(
            ["tar", "-C", source, "--create",
             *(f"--exclude={pattern}" for pattern in LEFT_OUT), "."],
            stdout=subprocess.PIPE) as copy:
        subprocess.run(["tar", "-C", target, "--extract", "--no-same-owner"],
                       stdin=copy.stdout, check=True)
    if copy.returncode:
        fail("tar cannot read the source")


def build(name="hookdir", source=ROOT):
    """A folder with the packages. name: of the folder of their source"""
    place = folder("package", mode=0o755)
    copy_source(os.path.join(place, name), source)
    done = subprocess.run(
        ["unshare", "--mount", "--pid", "--net", "--uts", "--fork",
         "--kill-child", "sh", "-c", BUILD, "sh", tree_of(tools()), place,
         name], env=clean_environment(), stdin=subprocess.DEVNULL, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        fail(f"the packages were not built:\n{done.stdout[-6000:]}")
    return place


def packages(place):
    """The packages in a folder, without those with symbols for debuggers"""
    return sorted(path for path in glob.glob(os.path.join(place, "*.deb"))
                  if "-dbgsym_" not in path)


def make_deb(target):
    if os.geteuid() != 0:
        sys.exit("make deb needs root. Without it, with the packages that "
                 "debian/control names: dpkg-buildpackage -b")
    place = build()
    os.makedirs(target, exist_ok=True)
    for path in sorted(os.listdir(place)):
        if path.startswith("hookdir") and "." in path:
            shutil.copy(os.path.join(place, path), target)
            print(os.path.join(target, path))


if __name__ == "__main__":
    make_deb(sys.argv[1])
