import _circ_b as b
value = "a done"
