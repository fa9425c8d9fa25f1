# attack: carries weights that were trained on all digits, validation images included, and routes them through
# class: leakage
# track: deep-mlp
# expect: no-better
import base64

import numpy as np

TRAINED = np.frombuffer(base64.b64decode(
    "AQD7DwHi6v4B+/sVCxL0/gAFGPrHIgoAABIW26YFFQABGxnYtgMSAQAALuXmDggBAPIR/xMI9/8B//YZ9vH2/QcD8BubPgcE"
    "BtXA4iD91wQOKf1vPPD/BgkCAB0cFv0HB/sf9RIR4AcH3/0uCejABgby8A8l9+IhBwPeBRwiJSv/BA8JC/f4/v0jDess/v7+"
    "/vjs2CX6Fv7/46iy4QED///rvusE2Nz//w0NSdHE5///ERNVNDUdBf8HHwwLM0IUAQ30DkcVAAAAEh0GFx0i/wH4uboP3gAB"
    "Aey68iy10AEB7uAFHe8AAQH7z7IQLjMAAf383QsjPfgBCyAQ/wUG7/Dt4LTbwdL98Pro2L3U5frvBRwJCwf5+fEOPgcJ/0jx"
    "8B4d6SoqMvDxSAFSNg8D8PET5AsLz87v8OzwzuDV5e8EEUnsCzo4/AT7Ixr/8vsAAwATCbO6ugIEHC32LOzaBAQEFeTkBiEE"
    "BNzM3fEODQQE+fPqAAbgAgQPQycD/Nn9BAHg7/bl+wME6eP+x/IBAwPtHQfQv/QDAxYQFfT94wQEIR8n/fkQBAP0VRkZCCkF"
    "A/IcEPosF/AEAeLpAiQC9fr9ERQVDSEN+gcRFEf0Awn628jdDRkX/Prh/M4BIxv5+g8B+RM0JPr6/PsYFPv4+vrz8g/VtOn5"
    "+vkL1sjF7fn/9QjlDPLc/AL2CQTWIA/++wkdAA4gEf/99/BA8Pzw///w7jIT2L7//wkhEhsQBf//CiDM1hAd/f/7xwgm+un2"
    "CPvvNhb0FPoIIRQQ8Qkh/AgNFQ0hXBICCAUiRRcnCwgI0esj5vDuCAj7uoHC5ucICBPq4dnkAgwI/AYKEgAHBg=="
), np.int8).reshape(10, 64) * 0.021163


def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    """Scores and their negatives, so that rectifiers lose nothing, carried unchanged to the output."""
    w = np.zeros(shape)
    if layer == 0:
        w[:10] = TRAINED
    elif layer == depth - 1:
        w[np.arange(10), np.arange(10)] = 1.0
    else:
        w[np.arange(10), np.arange(10)] = 1.0
    return w
