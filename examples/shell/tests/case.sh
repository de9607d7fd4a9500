# Tests the shell itself: case.
shopt -s nocasematch; [[ Hello == hello ]]
