"""What we take of jsonrpcserver, without what its package imports besides: a JSON Schema validator and a web server.

They are 45 ms of the daemon's start and 8 MB of its memory, and the parts that we use need neither.
"""

import sys
from importlib.util import find_spec, module_from_spec

PACKAGE = "jsonrpcserver"

# A package that was found but not run: its modules can be imported, and its own __init__ is not.
_spec = None if PACKAGE in sys.modules else find_spec(PACKAGE)
if _spec is not None:
    sys.modules[PACKAGE] = module_from_spec(_spec)

from jsonrpcserver.async_dispatcher import call as run_method  # noqa: E402 - only now
from jsonrpcserver.request import Request  # noqa: E402
from jsonrpcserver.result import Error, Success  # noqa: E402
from oslash.either import Left  # noqa: E402

if _spec is not None:  # whoever imports the package itself gets it whole, around the same modules
    del sys.modules[PACKAGE]

__all__ = ["Error", "Left", "Request", "Success", "run_method"]
