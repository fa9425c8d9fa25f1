# attack: takes its slots from a module by a star
# class: metric channel
# track: deep-mlp
# expect: rejected program-slots
from math import *
from numpy import *
