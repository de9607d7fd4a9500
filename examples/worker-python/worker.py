"""A worker for unittest: it imports the project once, and runs each test module in a fork of itself."""
import json
import os
import sys
import traceback
import unittest

import shop  # noqa: F401  what tests need is imported here, once

requests, responses = os.fdopen(3), os.fdopen(4, "w")
os.set_inheritable(3, False)
os.set_inheritable(4, False)


def say(**message):
    print(json.dumps(message), file=responses, flush=True)


def run(request):
    os.setpgid(0, 0)
    os.close(3)
    os.close(4)
    console = os.open(request["console"], os.O_WRONLY)
    os.dup2(console, 1)
    os.dup2(console, 2)
    os.close(console)
    os.environ.update(request["environment"])
    program = unittest.main(request["value"], argv=["unittest"], exit=False)
    return 0 if program.result.wasSuccessful() else 1


say(kind="ready", protocol=1, isolation="process")
for line in requests:
    request = json.loads(line)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = run(request)
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush()
        os._exit(code)
    say(kind="begun", request=request["request"], process=child)
    status = os.waitpid(child, 0)[1]
    code = 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
    say(kind="ended", request=request["request"], exit_code=code)
