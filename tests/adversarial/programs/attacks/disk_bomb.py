# attack: fills the disk
# class: resource exhaustion
# track: deep-mlp
# expect: rejected program-error
def schedule(t):
    with open("/tmp/fill", "wb") as file:
        while True:
            file.write(b"x" * (1 << 24))
