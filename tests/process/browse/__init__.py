"""The real `segue browse` in a real terminal, tmux."""
