# SPDX-License-Identifier: Apache-2.0
"""
The images of contrib/image, built by podman with krun-plain, and run under krun with kmsim in km's place.

No registry is reachable, so the images that the Dockerfiles begin with are made of the host's own files (BASES); the Dockerfiles are
used as they are. The host's /usr is mounted into the stages that compile. With KRUN_IMAGES=DIRECTORY the images are saved there, for
the steps of tests/vm/km-acceptance that run them with km itself.
"""

import glob
import json
import os
import re
import shutil
import subprocess

from engines import EngineTest, Podman, TIMEOUT
from krun import KM_PATH, PROGRAMS, SOURCE, Result

ENGINE = None
FOLDER = os.path.join(SOURCE, "contrib", "image")
MUSL = "/lib/ld-musl-x86_64.so.1"
LIBC = "/opt/kontain/runtime/libc.so"


def setUpModule():
    global ENGINE
    ENGINE = BuildingPodman()


def tearDownModule():
    if ENGINE:
        ENGINE.close()


class BuildingPodman(Podman):
    name = "podman-images"

    def runtime_flags(self, mode):
        """Has km say in the payload's standard error that it is there, and krun in a file what podman called it for (only for builds)."""
        return ["--runtime-flag", f"config-file={self.settings}", "--runtime-flag", "debug", "--runtime-flag", f"log={self.runtime_log}"]

    def configure(self):
        super().configure()
        self.settings = os.path.join(self.top, "krun.json")
        self.runtime_log = os.path.join(self.top, "runtime.log")
        with open(self.settings, "w") as file:
            json.dump({"log": "stderr"}, file)


# ---- what the Dockerfiles begin with --------------------------------------------------------------------------------


def install(source, root):
    """Copies a file or directory of the host to the same path below the root, through the links that the root has."""
    target = root + os.path.join(os.path.realpath(os.path.dirname(source)), os.path.basename(source))
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if os.path.isdir(source):
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", "test"))
    elif not os.path.exists(target):
        shutil.copy(source, target)


def install_program(source, root):
    """Copies a program with the libraries and the loader that ldd(1) names."""
    install(source, root)
    listed = subprocess.run(["ldd", source], capture_output=True, text=True, check=True).stdout
    for path in re.findall(r"(/\S+) \(0x", listed):
        install(path, root)


def begin(root):
    """Makes the directories of a system with one tree of programs, as Debian's."""
    for name in ("bin", "lib", "lib64"):
        os.makedirs(f"{root}/usr/{name}")
        os.symlink(f"usr/{name}", f"{root}/{name}")
    for name in ("dev", "etc", "proc", "sys", "tmp", "src"):
        os.mkdir(f"{root}/{name}")


def compiler(root):
    """Compilers that are in the host's /usr. Debian's javac is a link to /etc, and so are files of its Java."""
    begin(root)
    for path in ("/etc/alternatives", *glob.glob("/etc/java-*")):
        install(path, root)


def musl_compiler(root):
    compiler(root)
    install(MUSL, root)
    os.mkdir(f"{root}/musl")
    with open(f"{root}/musl/gcc", "w") as file:
        file.write('#!/bin/sh\nexec /usr/bin/musl-gcc "$@"\n')
    os.chmod(f"{root}/musl/gcc", 0o755)


def python(root):
    begin(root)
    program = os.path.realpath("/usr/bin/python3")
    install_program(program, root)
    os.symlink(os.path.basename(program), f"{root}/usr/bin/python3")
    install(f"/usr/lib/{os.path.basename(program)}", root)


def node(root):
    begin(root)
    install_program(os.path.realpath("/usr/bin/node"), root)
    if not os.path.exists(f"{root}/usr/bin/node"):
        os.symlink("nodejs", f"{root}/usr/bin/node")


def java_libraries(root):
    """Those of Debian's smallest image that a Java machine needs."""
    begin(root)
    home = os.path.dirname(os.path.dirname(os.path.realpath("/usr/bin/javac")))
    for path in (f"{home}/bin/java", f"{home}/lib/server/libjvm.so", f"{home}/lib/libjava.so"):
        for library in re.findall(r"(/\S+) \(0x", subprocess.run(["ldd", path], capture_output=True, text=True, check=True).stdout):
            if not library.startswith(home):
                install(library, root)


# For each base: what makes it, the file without which the host cannot, and the PATH.
BASES = {
    "compiler": (compiler, "/usr/bin/gcc", "/usr/bin"),
    "jdk": (compiler, "/usr/bin/jlink", "/usr/bin"),
    "musl": (musl_compiler, "/usr/bin/musl-gcc", "/musl:/usr/bin"),
    "python": (python, "/usr/bin/python3", "/usr/bin"),
    "node": (node, "/usr/bin/node", "/usr/bin"),
    "libraries": (java_libraries, "/usr/bin/javac", "/usr/bin"),
}


class Images(EngineTest):
    variants = ("km",)

    def find_engine(self):
        return ENGINE

    def remove(self):
        for name in self.names:
            self.cli("rm", "--force", "--time", "0", name)

    def base(self, name):
        """Makes one of the images of BASES; returns its name."""
        make, needed, path = BASES[name]
        if not os.path.exists(needed):
            self.skipTest(f"no {needed} here")
        root = os.path.join(ENGINE.top, f"base-{name}")
        os.mkdir(root)
        make(root)
        tar = f"{root}.tar"
        subprocess.run(["tar", "-C", root, "-cf", tar, "."], check=True)
        self.ok("import", "--change", f"ENV PATH={path}", tar, f"localhost/base-{name}:1")
        self.addCleanup(self.cli, "rmi", "--force", f"localhost/base-{name}:1")
        shutil.rmtree(root)
        os.unlink(tar)
        return f"localhost/base-{name}:1"

    def build(self, kind, *options, volumes=(), folder=None, **bases):
        """Builds contrib/image/@kind, or what is in the folder, with these images in the place of the registry's; returns its name."""
        arguments = [word for name, base in bases.items() for word in ("--build-arg", f"{name}={self.base(base)}")]
        mounted = [word for path in volumes for word in ("--volume", f"{path}:{path}:ro")]
        image = f"localhost/hello-{kind}:{len(options) + 1}"
        open(ENGINE.runtime_log, "w").close()
        done = Result(subprocess.run(
            ENGINE.command("plain", "build", "--isolation", "oci", "--network", "none", "--pull-never", "--layers=false",
                           *options, *arguments, *mounted, "--tag", image, folder or os.path.join(FOLDER, kind)),
            timeout=3 * TIMEOUT, check=False, stdin=subprocess.DEVNULL, capture_output=True, **ENGINE.popen()))
        self.assertEqual(done.status, 0, done)
        self.addCleanup(self.cli, "rmi", "--force", image)
        with open(ENGINE.runtime_log) as file:
            self.assertIn("krun", file.read(), "another runtime ran the commands of the Dockerfile")
        return image

    def runs(self, image, words):
        """Runs the image under km: its program says these words and the release."""
        self.ok("run", "--detach", "--name", self.name, "--network", "none", image)
        status = self.ok("wait", self.name)
        logs = self.cli("logs", self.name)
        self.assertEqual((status, logs.out), ("0\n", f"{words} on {os.uname().sysname} {os.uname().release}\n"), logs)
        self.assertIn("STAND-IN FOR KM", logs.err)
        self.ok("rm", self.name)
        if "KRUN_IMAGES" in os.environ:
            target = os.path.join(os.environ["KRUN_IMAGES"], re.sub(r"\W", "-", image.split("/")[1]) + ".tar")
            if os.path.exists(target):
                os.unlink(target)
            self.ok("save", "--output", target, image)

    def files(self, image):
        """Returns the files of an image, without directories and those that an engine makes."""
        container = self.ok("create", "--name", f"{self.name}-look", image).strip()
        self.names.append(container)
        tar = os.path.join(ENGINE.top, f"{self.name}.tar")
        self.ok("export", "--output", tar, container)
        listed = subprocess.run(["tar", "-tf", tar], capture_output=True, text=True, check=True).stdout.split()
        os.unlink(tar)
        return sorted(name for name in listed if not name.endswith("/"))

    def test_static(self):
        image = self.build("static", BUILD="compiler", volumes=["/usr"])
        self.assertEqual(self.files(image), ["hello"])
        self.runs(image, "Hello from a static program")

    def test_dynamic(self):
        """The image has its own loader."""
        image = self.build("dynamic", "--target", "own", BUILD="musl", volumes=["/usr"])
        self.assertEqual(self.files(image), ["hello", MUSL[1:]])
        self.runs(image, "Hello from a thread of a dynamic program")

    def test_dynamic_with_libc_of_the_host(self):
        """krun mounts libc.so, which is the loader, where the program names it. musl's own stands for km's, which is made from musl."""
        image = self.build("dynamic", BUILD="musl", volumes=["/usr"])
        self.assertEqual(self.files(image), ["hello"])
        os.mkdir(os.path.dirname(LIBC))
        self.addCleanup(shutil.rmtree, os.path.dirname(LIBC))
        shutil.copy(MUSL, LIBC)
        self.runs(image, "Hello from a thread of a dynamic program")
        # It is km's: a container without km does not get it.
        plain = subprocess.run(ENGINE.command("plain", "run", "--rm", "--name", self.name, "--network", "none", image), check=False,
                               stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT, **ENGINE.popen())
        self.assertNotEqual(plain.returncode, 0, plain)
        self.assertNotIn(b"Hello", plain.stdout)

    def test_python(self):
        self.runs(self.build("python", BASE="python"), "Hello from Python 3")

    def test_node(self):
        self.runs(self.build("node", BASE="node"), "Hello from Node")

    def test_java(self):
        image = self.build("java", BUILD="jdk", BASE="libraries", volumes=["/usr"])
        self.assertLess(len(self.files(image)), 200, "the whole of Java is in the image")
        self.runs(image, "Hello from Java")

    def test_image_of_the_daemon_set(self):
        """That of contrib/kubernetes. It has what its script calls, all of which the host's /usr has, too."""
        folder = os.path.join(ENGINE.top, f"context-{self.name}")
        shutil.copytree(os.path.join(SOURCE, "contrib", "kubernetes", "node"), folder)
        for name, source in (("krun", PROGRAMS["km"]), ("km", KM_PATH)):
            shutil.copy(source, f"{folder}/{name}")
        image = self.build("node-of-kubernetes", folder=folder, BASE="compiler", volumes=["/usr"])
        files = self.files(image)
        self.assertEqual([name for name in files if "krun" in name], ["opt/krun/km", "opt/krun/krun", "usr/local/bin/krun-node"])
        mounted = [word for path in ("/usr/bin", "/usr/lib", "/usr/lib64") for word in ("--volume", f"{path}:{path}:ro")]
        done = Result(subprocess.run(ENGINE.command("plain", "run", "--rm", "--name", self.name, "--network", "none", *mounted, image, "remove"), check=False, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT, **ENGINE.popen()))
        self.assertEqual((done.status, done.err), (2, "usage: krun-node install|uninstall\n"), done)
