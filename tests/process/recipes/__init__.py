"""The programs of `segue help recipes`, with the real tools or with what the real tools send."""
