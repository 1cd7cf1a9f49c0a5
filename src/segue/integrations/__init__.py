"""Let frameworks keep their sessions in segue: one module for each framework, with an extra of the same name."""
