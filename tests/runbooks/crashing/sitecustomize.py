"""On the PYTHONPATH of a test's worker this adds the kind `crash`: its process ends as by a fault in C code.

Python imports a module of this name at the start of every process, so the worker's children have the kind too.
"""

import dataclasses
import importlib.abc
import importlib.machinery
import os
import signal
import sys


async def crash(parameters, context):
    os.kill(os.getpid(), signal.SIGKILL)


class AddCrash(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name != "checks.registry":
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        assert spec is not None
        assert spec.loader is not None
        load = spec.loader.exec_module

        def load_and_add(module):
            load(module)
            module.KINDS["crash"] = dataclasses.replace(module.KINDS["http"], name="crash", observe=crash)

        spec.loader.exec_module = load_and_add  # type: ignore[method-assign]
        return spec


sys.meta_path.insert(0, AddCrash())
