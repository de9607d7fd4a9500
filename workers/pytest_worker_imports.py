"""Imports in the worker those libraries that the tests of earlier atoms have imported, so that later forks do not load them again.

A fork sees a library only from its own first import of it on. So a test that depends on whether something is imported, or that
forgets an import, has the verdict that it has in a process of its own. Modules of the project are never imported here, and
neither are libraries whose import does more than to define modules: see state_of_process.
"""

import builtins
import copy
import gc
import importlib
import importlib.machinery
import inspect
import logging
import os
import select
import signal
import site
import sys
import sysconfig
import tempfile
import time
import warnings

TRIAL_SECONDS = 10
MAX_REPORT_BYTES = 32 * 1024
SERVED_LOADERS = (importlib.machinery.SourceFileLoader, importlib.machinery.ExtensionFileLoader)


class WarmImports:
    """A finder of sys.meta_path for the modules that are imported and hidden."""

    def __init__(self):
        # Hidden modules by name, each with the names of all modules that its import has loaded.
        self.modules = {}
        self.groups = {}
        # Attributes of packages that were submodules: name of the submodule -> (package, attribute, attribute without it).
        self.attributes = {}
        self.refused = set()
        self.folders = library_folders()
        self.visible = frozenset()
        self.path = ()

    def install(self):
        """To be called before the first fork. Modules that are imported by then are visible in all forks."""
        standard = (importlib.machinery.BuiltinImporter, importlib.machinery.FrozenImporter, importlib.machinery.PathFinder)
        place = min(index for index, finder in enumerate(sys.meta_path) if finder in standard)
        # Finders of pytest and plugins come first.
        sys.meta_path.insert(place, self)
        self.visible = frozenset(sys.modules)
        self.path = tuple(sys.path)

    def find_spec(self, name, path=None, target=None):
        module = self.modules.get(name)
        if module is None or name in sys.modules or self.may_be_another(name):
            return None
        original = module.__spec__
        spec = copy.copy(original)
        spec.loader = copy.copy(original.loader)
        is_extension = isinstance(original.loader, importlib.machinery.ExtensionFileLoader)

        def execute(target):
            if is_extension:
                # It cannot be created a second time, and importlib has marked it with the copy.
                module.__spec__ = original
            if spec._initializing:
                # An import statement, for which a loader may replace the module that it is given.
                self.reveal(name)
            elif not is_extension:
                original.loader.exec_module(target)

        spec.loader.create_module = lambda spec: module if is_extension else None
        spec.loader.exec_module = execute
        return spec

    def may_be_another(self, name):
        """Whether a changed sys.path may lead to another module of that name."""
        if not set(self.path) <= set(sys.path):
            return True
        added = [entry for entry in sys.path if entry not in self.path]
        top = name.partition(".")[0]
        return bool(added) and importlib.machinery.PathFinder.find_spec(top, added) is not None

    def reveal(self, name):
        sys.modules[name] = self.modules[name]
        for member in self.groups[name]:
            if sys.modules.setdefault(member, self.modules[member]) is self.modules[member] and member in self.attributes:
                package, attribute, _ = self.attributes[member]
                setattr(package, attribute, self.modules[member])

    def hide(self, attributes_before):
        """Hides what was imported since the last call. `attributes_before`: the attributes of packages at that time."""
        group = [name for name in sys.modules if name not in self.visible and can_be_served(sys.modules[name])]
        new = {name for name in group if name not in self.modules}
        for name in new:
            self.modules[name] = sys.modules[name]
            self.groups[name] = group
            package_name, _, attribute = name.rpartition(".")
            package = sys.modules.get(package_name)
            if package is not None and package_name not in new and vars(package).get(attribute) is sys.modules[name]:
                self.attributes[name] = package, attribute, attributes_before.get(package_name, {}).get(attribute)
        for name in group:
            if name in self.attributes:
                package, attribute, before = self.attributes[name]
                if before is not None:
                    setattr(package, attribute, before)
                elif attribute in vars(package):
                    delattr(package, attribute)
            del sys.modules[name]

    def seed(self):
        """Called in a fork: NumPy seeds its generator at its import. Python's own one seeds itself after a fork."""
        generator = self.modules.get("numpy.random.mtrand")
        if generator is not None:
            generator.seed()

    def imported_libraries(self):
        """Called in a fork at its end: name and file of each library that it had to load, for `learn`."""
        found = []
        size = 0
        for name, module in list(sys.modules.items()):
            if name in self.visible or name in self.modules or name in self.refused:
                continue
            file = self.library_file(module)
            size += len(name) + len(file or "") + 8
            if file is not None and size < MAX_REPORT_BYTES:
                found.append([name, file])
        return found

    def library_file(self, module):
        """None for modules of the project, and for those that cannot be served."""
        origin = getattr(getattr(module, "__spec__", None), "origin", None)
        is_library = isinstance(origin, str) and origin.startswith(self.folders)
        return origin if is_library and can_be_served(module) else None

    def learn(self, libraries):
        """Imports them, if a trial shows that nothing else happens. Called between two atoms."""
        wanted = [(name, file) for name, file in libraries if name not in self.modules and name not in self.refused]
        if not wanted:
            return
        known = {**sys.modules, **self.modules}
        before = {name: dict(vars(module)) for name, module in known.items() if hasattr(module, "__path__")}
        for name in self.tried(wanted):
            if name not in self.modules:
                try:
                    with warnings.catch_warnings():
                        importlib.import_module(name)
                except Exception:
                    # It depends on something that has changed since the trial.
                    self.refused.add(name)
                self.hide(before)
        gc.freeze()

    def tried(self, wanted):
        """Imports them in a process of its own. Returns the harmless ones, up to the first that is not; that one is refused."""
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.close(reader)
                os.set_inheritable(writer, False)
                self.try_all(wanted, lambda kind, name: os.write(writer, f"{kind} {name}\n".encode()))
            finally:
                os._exit(0)
        os.close(writer)
        said = {"trying": [], "harmless": [], "refused": []}
        for line in lines_within(reader, TRIAL_SECONDS):
            kind, _, name = line.partition(" ")
            said[kind].append(name)
        os.close(reader)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        for failed in set(said["trying"]) - set(said["harmless"]):
            package = failed.partition(".")[0]
            self.refused.update(name for name, _ in wanted if name.partition(".")[0] == package)
        self.refused.update(said["refused"])
        return said["harmless"]

    def try_all(self, wanted, say):
        with tempfile.TemporaryFile() as output, open(os.devnull) as empty:
            os.dup2(empty.fileno(), 0)
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
            before = state_of_process()
            for name, file in wanted:
                if name not in sys.modules:
                    say("trying", name)
                    known = set(sys.modules)
                    if not self.is_harmless(name, file) or state_of_process() != before:
                        for loaded in set(sys.modules) - known - set(self.modules):
                            say("refused", loaded)
                        return
                say("harmless", name)

    def is_harmless(self, name, file):
        try:
            with warnings.catch_warnings(record=True) as warned:
                warnings.simplefilter("always")
                module = importlib.import_module(name)
        except BaseException:
            return False
        flush_output()
        is_other = getattr(getattr(module, "__spec__", None), "origin", None) != file
        return not (warned or is_other or os.fstat(1).st_size > 0 or self.has_loaded_others())

    def has_loaded_others(self):
        """Whether modules of the project were imported along with a library."""
        new = {name for name in sys.modules if name not in self.visible and name not in self.modules}
        # multiprocessing gives the main module a second name.
        return any(not self.is_outside_project(sys.modules[name]) for name in new - {"__mp_main__"})

    def is_outside_project(self, module):
        file = getattr(module, "__file__", None)
        return not isinstance(file, str) or file.startswith(self.folders)


def lines_within(reader, seconds):
    """The lines until the end of a pipe, or until that time is over."""
    end = time.monotonic() + seconds
    pieces = []
    while select.select([reader], [], [], max(0, end - time.monotonic()))[0]:
        piece = os.read(reader, 65536)
        if piece == b"":
            break
        pieces.append(piece)
    return b"".join(pieces).decode().splitlines()


def library_folders():
    """The folders of Python's own modules and of installed packages, each with its separator at the end."""
    paths = sysconfig.get_paths()
    found = [paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    found += site.getsitepackages() + [site.getusersitepackages()]
    return tuple({os.path.join(folder, "") for entry in found for folder in (entry, os.path.realpath(entry))})


def can_be_served(module):
    loader = getattr(getattr(module, "__spec__", None), "loader", None)
    return type(loader) in SERVED_LOADERS


def fill_caches():
    """For the first traceback in a fork, which otherwise looks at the files of all modules."""
    inspect.getmodule(compile("", "<no module>", "exec"))


def state_of_process():
    """Everything besides modules that the import of a library may change, as far as forks or tests would notice."""
    return (
        os.listdir("/proc/self/task"),
        open_files(),
        children(),
        dict(os.environ),
        os.getcwd(),
        [signal.getsignal(number) for number in range(1, signal.NSIG)],
        list(sys.path),
        list(sys.meta_path),
        list(sys.path_hooks),
        dict(vars(builtins)),
        list(logging.root.handlers),
        logging.root.level,
        (sys.excepthook, sys.stdin, sys.stdout, sys.stderr, sys.getrecursionlimit(), sys.gettrace(), sys.getprofile()),
    )


def open_files():
    found = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            status = os.fstat(int(name))
        except OSError:
            continue  # the descriptor of the listing itself
        found[name] = (status.st_dev, status.st_ino)
    return found


def children():
    try:
        with open(f"/proc/self/task/{os.getpid()}/children") as file:
            return file.read()
    except FileNotFoundError:
        return ""  # some kernels keep no such lists


def flush_output():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            pass
