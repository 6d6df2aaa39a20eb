"""Calls the generated client; prints nothing, fails on what is not as expected. Type-checked before it runs."""

import asyncio
import sys
from datetime import datetime, timedelta, timezone

import asyncpg

import demo


async def typed(connection: asyncpg.Connection) -> None:
    async with connection.transaction():
        ping = await demo.demo_ping(connection)
        greet = await demo.demo_greet(
            connection, name="Ada", title="Dr.", times=1, options=demo.Options(priority=9)
        )
        short = await demo.demo_greet(connection, name="Ada")
    await ping.wait(connection, limit=30)
    greeting: str = await greet.wait(connection, limit=30)
    assert greeting == "en: Dr. Ada", greeting
    assert await short.wait(connection, limit=30) == "en: Ada Ada"

    scalars = await demo.demo_scalars(
        connection, yes=True, small=2, whole=-(2**62), ratio=0.5, text="é\u2028\"", letter="y"
    )
    said = await scalars.wait(connection, limit=30)
    assert said == f"true 2 {-(2**62)} 0.5 é\u2028\" y", said
    row = await connection.fetchrow(
        "select timeout, priority, max_retries from jobs.all where job_id = $1", scalars.id
    )
    assert row is not None and tuple(row) == (90, 3, 5), row


async def nested(connection: asyncpg.Connection) -> None:
    address: demo.Address = {"street": "Main 1", "country": "new-zealand"}
    pack = await demo.demo_order_pack(
        connection, id=7, addresses=[address], size="large", prices={"tea": 2.5}, range=(1, "z")
    )
    receipt: demo.Receipt = await pack.wait(connection, limit=30)
    assert receipt["orderId"] == 7 and receipt["class"] == "large" and "note" not in receipt
    assert receipt["sentTo"][0]["country"] == "new-zealand"

    area = await demo.demo_area(
        connection,
        shapes=[{"kind": "circle", "radius": 1}, {"kind": "square", "side": 2.0}, {"kind": "nothing"}],
    )
    assert await area.wait(connection, limit=30) == 7
    pay = await demo.demo_pay(connection, by={"card": {"number": "1", "month": 2}}, id=3, fallback="cash")
    by, paid, fallback = await pay.wait(connection, limit=30)
    assert (by, paid, fallback) == ({"card": {"number": "1", "month": 2}}, 3, "cash")
    leaf: demo.Tree = {"label": "leaf"}
    tree = await demo.demo_tree(connection, root={"label": "root", "children": [leaf], "parent": leaf})
    grown = await tree.wait(connection, limit=30)
    assert grown["children"][0]["label"] == "leaf"
    created: demo.Event = {"event": "was_created", "name": "a", "what": "Count", "how": 1}
    first: demo.Created = {"name": "a", "what": "Nothing"}
    event = await demo.demo_event(
        connection, events=[created], first=first, change={"what": "Text", "how": "b"}
    )
    events, again, change = await event.wait(connection, limit=30)
    assert (events, again, change) == ([created], first, {"what": "Text", "how": "b"})
    level = await demo.demo_open(connection, level="warn", anything=[1], n=4)
    assert (await level.wait(connection, limit=30))["fields"] == {"n": 4}
    words = await demo.demo_class(connection, type="t", from_=1, connection_=2, self_=5)
    word, number = await words.wait(connection, limit=30)
    assert (word, number) == ("t", 9)
    other = await demo.demo_order_pack_2(connection)
    assert await other.wait(connection, limit=30) == "large"


async def errors(connection: asyncpg.Connection) -> None:
    fail = await demo.demo_fail(connection, reason="no tea")
    try:
        await fail.wait(connection, limit=30)
        raise AssertionError("it failed")
    except demo.JobFailed as error:
        assert error.job_id == fail.id and "no tea" in (error.traceback or "")

    tomorrow = datetime.now(timezone.utc) + timedelta(days=1)
    later = await demo.demo_ping(connection, options=demo.Options(scheduled_at=tomorrow))
    assert not await later.is_done(connection)
    try:
        await later.wait(connection, limit=0.1)
        raise AssertionError("it waits for tomorrow")
    except TimeoutError:
        pass
    await connection.execute("select jobs.cancel(array[$1])", later.id)
    try:
        await later.wait(connection, limit=30)
        raise AssertionError("it was cancelled")
    except demo.JobCancelled:
        pass

    try:
        await demo.demo_scalars(connection, yes=True, small=256, whole=1, ratio=1, text="", letter="")
        raise AssertionError("256 is no u8")
    except asyncpg.PostgresError as error:
        assert error.sqlstate == "PT422", error
    async with connection.transaction():
        undone = await demo.demo_ping(connection)
        await connection.execute("rollback; begin")
    try:
        await undone.wait(connection)
        raise AssertionError("it was rolled back")
    except demo.JobUnknown:
        pass


async def workflows(connection: asyncpg.Connection) -> None:
    nodes: list[demo.WorkflowNode] = [
        {"name": "first", "task": "demo.greet", "body": {"kwargs": {"name": "Ada", "times": 1}}},
        {"name": "second", "task": "demo.greet", "body": {"kwargs": {"times": 1}}, "bind": {"name": "first"}},
        {"task": "demo.ping", "after": [{"node": "first", "when": "failure"}]},
    ]
    run = await demo.publish_workflow(connection, nodes, name="greetings", result="second", timeout=600)
    assert await run.wait(connection, limit=30) == "en: en: Ada"
    fails: demo.WorkflowNode = {"task": "demo.fail", "body": {"kwargs": {"reason": "no tea"}}}
    broken = await demo.publish_workflow(connection, [fails, {"task": "demo.ping", "after": ["demo.fail"]}])
    try:
        await broken.wait(connection, limit=30)
        raise AssertionError("it fails")
    except demo.WorkflowEnded as error:
        assert error.state == "failed" and error.workflow_id == broken.id, error
    jobs = [await demo.demo_greet(connection, name=name, times=1) for name in ("Ada", "Bob")]
    assert await demo.wait_all(connection, jobs, limit=30) == ["en: Ada", "en: Bob"]


async def main() -> None:
    connection = await asyncpg.connect(sys.argv[1])
    await typed(connection)
    await nested(connection)
    await errors(connection)
    await workflows(connection)
    await connection.close()
    async with asyncpg.create_pool(sys.argv[1], min_size=1, max_size=2) as pool:
        job = await demo.demo_greet(pool, name="Bob", locale="pt")
        assert await job.wait(pool, limit=30) == "pt: Bob Bob"


asyncio.run(main())
