"""JSON-RPC 2.0 over lines: framing, method definitions, dispatch and discovery. Independent of segue's methods."""
