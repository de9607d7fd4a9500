# Tests the shell itself: addition.
test $((2 + 2)) -eq 4
