"""JSON-RPC 2.0 over lines: framing, methods, dispatch and discovery. Knows no noun."""
