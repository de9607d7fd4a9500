# Tests the shell itself: arrays.
words=(one two three); test ${#words[@]} -eq 3
