"""Write the entry of an MCP server into the configuration of agents and editors."""
