# Tests the shell itself: quotes.
name="it's here"; test "$name" = 'it'"'"'s here'
