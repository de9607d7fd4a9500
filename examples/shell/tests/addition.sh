# A test of the shell itself: addition.
test $((2 + 2)) -eq 4
