# Tests the shell itself: substitution.
path=/a/b/c.txt; test "${path##*/}" = c.txt
