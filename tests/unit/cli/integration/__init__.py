"""Files and events of agents that segue works with."""
