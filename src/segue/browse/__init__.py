"""The full-screen browser, made with Textual. Only `segue browse` imports it."""
