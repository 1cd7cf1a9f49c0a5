"""Import the parts of jsonrpcserver that segue uses, without running its package.

The package also imports a JSON Schema validator and a web server: 45 ms of the daemon's start and 8 MB of its memory.
"""

import sys
from importlib.util import find_spec, module_from_spec

PACKAGE = "jsonrpcserver"

# A package module that is created but not executed: its submodules can be imported, and its __init__ does not run.
_spec = None if PACKAGE in sys.modules else find_spec(PACKAGE)
if _spec is not None:
    sys.modules[PACKAGE] = module_from_spec(_spec)

from jsonrpcserver.async_dispatcher import call as run_method  # noqa: E402 - The package module must exist first.
from jsonrpcserver.request import Request as MethodCall  # noqa: E402
from jsonrpcserver.result import Error, Success  # noqa: E402
from oslash.either import Left  # noqa: E402

if _spec is not None:  # A later import of the package itself then gets all of it, around the same submodules.
    del sys.modules[PACKAGE]

__all__ = ["Error", "Left", "MethodCall", "Success", "run_method"]
