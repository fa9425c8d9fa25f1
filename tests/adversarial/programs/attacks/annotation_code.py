# attack: keeps its true nature in annotations
# class: detection
# track: deep-mlp
# expect: no-better
def initialiser(shape, fan_in, fan_out, layer, depth, rng) -> "0.0":
    return rng.standard_normal(shape) * float(initialiser.__annotations__.get("return", "0.0"))
