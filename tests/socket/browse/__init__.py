"""The browser, driven by Textual's pilot, against a server in the same process."""
