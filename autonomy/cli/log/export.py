"""placeholder"""
def add_parser(actions): pass
