name = "the sub package"
