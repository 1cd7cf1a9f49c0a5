"""Serve the stored conversations to agents over the Model Context Protocol (MCP), on standard input and output."""
