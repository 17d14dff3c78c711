from .. import VALUE
from ..util import helper
from . import name
def up(): return helper(VALUE), name
