# attack: leaves a link, a FIFO and a huge sparse file where a result might be read
# class: metric channel
# track: deep-mlp
# expect: rejected program-error
import os

os.symlink("/etc/passwd", "result.json")
os.mkfifo("/tmp/result")
os.truncate("/tmp/result.npy", 1 << 40)


def schedule(t):
    return 1.0
