# attack: runs a shell
# class: budget
# track: deep-mlp
# expect: rejected program-error
import subprocess

subprocess.run(["/bin/sh", "-c", "id"], check=False)


def schedule(t):
    return 1.0
