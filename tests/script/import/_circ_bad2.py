from _circ_bad import other
thing = 1
