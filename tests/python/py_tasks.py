"""Tasks that live in Python."""


async def double(n, times=1):
    for _ in range(times):
        n *= 2
    return {"doubled": n}


async def fail():
    raise ValueError("boom")
