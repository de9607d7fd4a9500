# Tests the shell itself: slow.
sleep 0.5
