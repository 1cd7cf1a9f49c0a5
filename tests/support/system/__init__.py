"""What tests need of the operating system: other users, clocks, descriptors, file modes."""
