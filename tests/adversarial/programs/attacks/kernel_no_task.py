# attack: defines no kernel of the track
# class: kernels
# track: kernels
# expect: rejected program-slots
def gemm(a, b):
    return a @ b
