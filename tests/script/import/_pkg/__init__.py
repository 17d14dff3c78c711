VALUE = 42
from . import util
