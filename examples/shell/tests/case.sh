# A test of the shell itself: case.
shopt -s nocasematch; [[ Hello == hello ]]
