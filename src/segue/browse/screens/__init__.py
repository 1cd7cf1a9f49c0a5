"""The screens that lie over the browser while they are open."""
