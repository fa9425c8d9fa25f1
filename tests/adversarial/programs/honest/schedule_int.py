def schedule(t: float) -> int:
    return 1 if t < 0.5 else 2 // 2
