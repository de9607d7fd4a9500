# A test of the shell itself: slow.
sleep 0.5
