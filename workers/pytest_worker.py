"""A worker for pytest, which runs each atom (a test file, a folder or a node id) in a fork of itself.

usage: python3 "$CLUSTERRUNNER_WORKERS/pytest_worker.py" [options] [-- options of pytest]

Python, pytest, its plugins, the topmost conftest.py files, the modules of --preload and installed libraries are imported once.
docs/workers.md describes the protocol, and in what a fork differs from a new process.
"""

import argparse
import atexit
import gc
import importlib
import json
import os
import sys
import threading
import traceback

# Nothing is written beside this file, which belongs to the installation.
writes_bytecode = not sys.dont_write_bytecode
sys.dont_write_bytecode = True
from pytest_worker_imports import WarmImports, fill_caches, flush_output  # noqa: E402

sys.dont_write_bytecode = not writes_bytecode

# As with "python3 -m pytest", modules are searched in the folder of the project, and not in the one of this file.
sys.path[0] = os.getcwd()

import pytest  # noqa: E402
from _pytest.junitxml import bin_xml_escape  # noqa: E402

REQUESTS = 3
RESPONSES = 4
NO_TESTS_COLLECTED = 5
# Hooks at the ends of a session. pytest's own implementations do no harm when some run before the forks, and some in each.
SESSION_HOOKS = ("pytest_sessionstart", "pytest_sessionfinish", "pytest_unconfigure")
# More than a fork writes: a line with its counts, and one with its imports.
MAX_REPORT_BYTES = 64 * 1024


def options_of(args):
    """The options of this program, and those of pytest."""
    parser = argparse.ArgumentParser(
        prog="pytest_worker.py",
        usage="pytest_worker.py [options] [-- options of pytest]",
        description="Runs each atom, whose value is an argument of pytest, in a fork of a warm pytest.",
    )
    parser.add_argument(
        "--preload", action="append", default=[], metavar="MODULE", help="import a module before the first atom"
    )
    parser.add_argument("--junit", action="store_true", help="write the report $ARTIFACT_DIR/pytest.xml")
    parser.add_argument("--allow-no-tests", action="store_true", help="pass an atom without tests")
    parser.add_argument(
        "--fresh-libraries",
        action="store_true",
        help="do not import in the worker the libraries that earlier atoms have imported",
    )
    parser.add_argument("--allow-threads", action="store_true", help="fork even if imports have started threads")
    parser.add_argument(
        "--fork",
        choices=("auto", "early", "late"),
        default="auto",
        help="early: pytest is configured and its session started in each fork; late: before the first fork; "
        "auto: late, unless a plugin or a conftest.py acts at the start or end of sessions",
    )
    split = args.index("--") if "--" in args else len(args)
    return parser.parse_args(args[:split]), args[split + 1 :]


class Counts:
    """Counts tests as JUnit reports do: each once, as an error, else a failure, else skipped, else passed."""

    ORDER = ("passed", "skipped", "failures", "errors")

    def __init__(self):
        self.outcomes = {}

    def note(self, nodeid, outcome):
        known = self.outcomes.get(nodeid, "passed")
        self.outcomes[nodeid] = max(known, outcome, key=self.ORDER.index)

    def as_json(self):
        outcomes = list(self.outcomes.values())
        return json.dumps({"tests": len(outcomes), **{name: outcomes.count(name) for name in self.ORDER[1:]}})


class Server:
    """A plugin that serves requests in a hook of pytest, and returns from the hook in each fork."""

    def __init__(self, options):
        self.options = options
        self.request = None
        self.counts = Counts()
        self.report_pipe = None
        self.imports = None if options.fresh_libraries else WarmImports()
        self.requests = os.fdopen(REQUESTS, encoding="utf-8", newline="\n")
        for descriptor in (REQUESTS, RESPONSES):
            os.set_inheritable(descriptor, False)
        self.outputs = {identity_of(1), identity_of(2)}

    @property
    def is_fork(self):
        return self.request is not None

    @pytest.hookimpl(tryfirst=True)
    def pytest_cmdline_main(self, config):
        """Plugins are loaded and options read, and nothing is configured yet."""
        keep_in_one_process(config)
        for name in self.options.preload:
            importlib.import_module(name)
        fork = self.options.fork
        if fork == "early" or (fork == "auto" and acts_at_session_ends(config)):
            self.serve(config)
            if not self.is_fork:
                return 0
            if self.options.junit:
                config.option.xmlpath = self.report()
            config.args = [self.request["value"]]
        return None

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self, session):
        """The session has started, and nothing is collected yet."""
        if self.is_fork:
            return
        config = session.config
        folders = TemporaryFolders(config)
        self.serve(config)
        if not self.is_fork:
            pytest.exit("The worker has no more requests.", returncode=0)
        folders.separate(self.request["request"])
        plugins = config.pluginmanager
        terminal = plugins.get_plugin("terminalreporter")
        if terminal is not None:
            # Prints the header to the console of the atom, and starts the clock.
            terminal.pytest_sessionstart(session)
        if self.options.junit:
            config.option.xmlpath = self.report()
            before = set(plugins.get_plugins())
            plugins.get_plugin("junitxml").pytest_configure(config)
            for added in set(plugins.get_plugins()) - before:
                added.pytest_sessionstart()
        config.args = [self.request["value"]]

    def pytest_runtest_logreport(self, report):
        if report.failed:
            self.counts.note(report.nodeid, "failures" if report.when == "call" else "errors")
        else:
            self.counts.note(report.nodeid, "skipped" if report.skipped else "passed")

    def pytest_collectreport(self, report):
        if report.failed:
            self.counts.note(report.nodeid, "errors")

    def report(self):
        return os.path.join(self.request["artifact_dir"], "pytest.xml")

    def serve(self, config):
        """Returns when there are no more requests, and in each fork."""
        self.refuse_threads()
        if self.imports is not None:
            self.imports.install()
        # Otherwise each fork would print it again.
        flush_output()
        fill_caches()
        if self.options.junit:
            # Compiles a large regular expression.
            bin_xml_escape("")
        gc.collect()
        # What is imported does not change any more: the collector would only copy its pages in each fork.
        gc.freeze()
        say(kind="ready", protocol=1, isolation="process")
        for line in self.requests:
            request = json.loads(line)
            reader, writer = os.pipe()
            child = os.fork()
            if child == 0:
                os.close(reader)
                self.report_pipe = writer
                self.become_atom(config, request)
                return
            os.close(writer)
            lead_group(child)
            say(kind="begun", request=request["request"], process=child)
            status = os.waitpid(child, 0)[1]
            exit_code = 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
            counts, imports = report_from(reader)
            say(kind="ended", request=request["request"], exit_code=exit_code, **counts)
            if self.imports is not None:
                self.imports.learn(imports)

    def refuse_threads(self):
        others = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
        if others and not self.options.allow_threads:
            sys.exit(
                f"Imports have started threads, which a fork does not have: {', '.join(others)}. Do not --preload the modules "
                "that start them, start them in fixtures, or use --allow-threads if no test needs them."
            )

    def become_atom(self, config, request):
        self.request = request
        if self.imports is not None:
            self.imports.seed()
        lead_group(0)
        self.requests.close()
        os.close(RESPONSES)
        os.environ.update(request["environment"])
        capture = config.pluginmanager.get_plugin("capturemanager")
        if capture is not None:
            # It keeps copies of stdout and stderr, and files that all forks would share.
            capture.stop_global_capturing()
        console = os.open(request["console"], os.O_WRONLY)
        for descriptor in open_descriptors():
            if descriptor != console and identity_of(descriptor) in self.outputs:
                os.dup2(console, descriptor, inheritable=os.get_inheritable(descriptor))
        os.close(console)
        if capture is not None:
            capture.start_global_capturing()
            capture.suspend_global_capture()

    def end_atom(self, exit_code):
        """Ends the process as the interpreter does, but for the objects: releasing them would copy their pages."""
        for thread in threading.enumerate():
            if thread is not threading.current_thread() and not thread.daemon:
                thread.join()
        atexit._run_exitfuncs()
        self.write_report()
        flush_output()
        allowed = exit_code == NO_TESTS_COLLECTED and self.options.allow_no_tests
        os._exit(0 if allowed else exit_code)

    def write_report(self):
        """A test may have closed the pipe, or another one may be full: then the report is incomplete, which does no harm."""
        imported = [] if self.imports is None else self.imports.imported_libraries()
        try:
            os.set_blocking(self.report_pipe, False)
            os.write(self.report_pipe, f"{self.counts.as_json()}\n{json.dumps(imported)}".encode())
        except OSError:
            pass


class TemporaryFolders:
    """
    The worker's folder for tmp_path, which all forks share: creating one, and removing old ones, takes as long as a test. Each
    fork has its own if the folder is given, or kept only after failures.
    """

    def __init__(self, config):
        self.factory = getattr(config, "_tmp_path_factory", None)
        policy = getattr(self.factory, "_retention_policy", "all")
        is_usual = getattr(self.factory, "_given_basetemp", "unknown") is None and policy == "all"
        self.shared = self.factory.getbasetemp() if is_usual else None

    def separate(self, request):
        if self.shared is not None:
            own = self.shared / str(request)
            own.mkdir(mode=0o700)
            self.factory._basetemp = own


def keep_in_one_process(config):
    """pytest-xdist would start processes for each atom when the project's settings say so."""
    if getattr(config.option, "numprocesses", None):
        config.option.numprocesses = None
        config.option.dist = "no"
        config.option.tx = []


def acts_at_session_ends(config):
    """Whether a plugin or a conftest.py, other than pytest's own, has one of SESSION_HOOKS."""
    for name in SESSION_HOOKS:
        for implementation in getattr(config.hook, name).get_hookimpls():
            if not implementation.function.__module__.startswith("_pytest."):
                return True
    return False


def say(**message):
    os.write(RESPONSES, json.dumps(message).encode() + b"\n")


def report_from(reader):
    """What a fork has reported at its end, if it came so far: its counts, and a line with its imports."""
    os.set_blocking(reader, False)
    try:
        counts, _, imports = os.read(reader, MAX_REPORT_BYTES).decode().partition("\n")
        return {"tests": json.loads(counts)}, json.loads(imports or "[]")
    except (BlockingIOError, ValueError):
        return {}, []
    finally:
        os.close(reader)


def lead_group(process):
    """Called by both processes, since either may be first."""
    try:
        os.setpgid(process, 0)
    except OSError:
        pass


def identity_of(descriptor):
    """Which file or pipe it is; None when it is closed."""
    try:
        status = os.fstat(descriptor)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def open_descriptors():
    return [int(name) for name in os.listdir("/proc/self/fd")]


def main():
    options, args = options_of(sys.argv[1:])
    server = Server(options)
    try:
        exit_code = int(pytest.main(args, plugins=[server]))
    except SystemExit as end:
        if not server.is_fork:
            raise
        exit_code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException:
        if not server.is_fork:
            raise
        traceback.print_exc()
        exit_code = 1
    if server.is_fork:
        server.end_atom(exit_code)
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
