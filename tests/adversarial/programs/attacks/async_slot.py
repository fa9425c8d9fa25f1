# attack: a coroutine in place of a function
# class: metric channel
# track: deep-mlp
# expect: rejected program-error wrong-dtype
async def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    return rng.standard_normal(shape)
