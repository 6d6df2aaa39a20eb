"""The original's client, as it comes from its package, against our schema.

client.py publish   publishes singly and in bulk, prints the ids
client.py read ID…  prints what the client's own `get` says of each job
client.py work N [NAME…]  runs the client's own worker until N jobs have ended, on these tasks or on any
client.py refused   publishes what a task does not take, prints how it is refused
client.py schedules makes, edits, runs and explains a schedule
client.py unique    publishes what is one of a kind, and what waits for quiet
client.py contract  walks through the client's calls and checks what they return
"""
import asyncio
import datetime
import json
import sys
import zoneinfo

import asyncpg
import jobs
from jobs.migrations import migrate
from jobs.worker import Worker

DSN = sys.argv[1]


def check(condition, what):
    if not condition:
        raise SystemExit(f"not so: {what}")


async def publish(db):
    single = await jobs.publish(db, "math.add", args=[1, 2])
    named = await jobs.publish(db, "math.add", kwargs={"a": 40})
    now = datetime.datetime.utcnow()
    later = await jobs.publish(db, "math.add", args=[5, 5], scheduled_at=now + datetime.timedelta(hours=1))
    soon = await jobs.publish(db, "math.add", args=[6, 6], scheduled_at=now - datetime.timedelta(seconds=1))
    body = lambda n: json.dumps({"args": [n, n]})
    bulk = await jobs.publish_bulk(db, [("math.add", body(n), None, None, None, 3) for n in range(10)])
    print(json.dumps({
        "single": single["job_id"], "named": named["job_id"], "later": later["job_id"], "soon": soon["job_id"],
        "bulk": [row["job_id"] for row in bulk],
    }))


async def refused(db):
    try:
        await jobs.publish(db, "math.add", args=["4111", 2])
        check(False, "a body that does not fit is refused")
    except asyncpg.exceptions.PostgresError as error:
        print(json.dumps([error.sqlstate, str(error)]))


async def read(db):
    rows = [await jobs.get(db, job_id) for job_id in sys.argv[3:]]
    print(json.dumps([[row["status"], row["result"]] for row in rows]))


def only(names):
    """As the book says: the worker looks `consume` up when it calls it."""
    async def consume(db, n=1):
        return [job for name in names for job in await jobs.consume_topic(db, name, n)]
    jobs.consume = consume


async def work(db):
    if names := sys.argv[4:]:
        only(names)
    worker = Worker(DSN, batch_size=8, wait=0.01)
    running = asyncio.create_task(worker.work())
    while await db.fetchval("select count(*) from jobs.job") < int(sys.argv[3]):
        await asyncio.sleep(0.02)
    worker.close()
    await running


async def contract(db):
    await migrate(db)
    check(await db.fetchval("select migration from jobs.migrations") == 1, "the migrator has nothing to do")

    job = await jobs.publish(db, "a.task")
    check(job["retries"] == 0 and job["max_retries"] == 3 and job["run_at"] is None, "a queued row")
    [claimed] = await jobs.consume(db, 1)
    check(claimed["job_id"] == job["job_id"] and claimed["run_at"] is not None, "consume hands out the job")
    check(json.loads(claimed["body"]) == {"args": None, "kwargs": None}, "nulls arrive as they were sent")
    ended = await jobs.ack(db, job["job_id"], json.dumps([1]))
    check(ended["status"] == "success" and json.loads(ended["result"]) == [1], "ack returns the ended row")
    for call in (jobs.ack, jobs.nack):
        try:
            await call(db, job["job_id"])
            check(False, "an ended job cannot be settled")
        except asyncpg.exceptions.RaiseError as error:
            check(job["job_id"] in str(error), "the error names the job")

    job = await jobs.publish(db, "again", max_retries=2)
    await jobs.consume(db, 1)
    soon = datetime.datetime.utcnow() + datetime.timedelta(milliseconds=300)
    await jobs.nack(db, job["job_id"], "boom", soon)
    check(await jobs.consume(db, 1) == [], "a nacked job waits for its time")
    while not (rows := await jobs.consume(db, 1)):
        await asyncio.sleep(0.02)
    check(datetime.datetime.utcnow() >= soon, "and not for less: naive times are UTC")
    check(rows[0]["retries"] == 1, "the failed run is counted")
    await jobs.nack(db, job["job_id"], "boom again")
    row = await jobs.get(db, job["job_id"])
    check(row["status"] == "failed" and row["traceback"] == "boom again", "two runs in all")

    job = await jobs.publish(db, "slow", timeout=0.1)
    await jobs.consume(db, 1)
    while not await db.fetchval("select count(*) from jobs.expired"):
        await asyncio.sleep(0.02)
    check(await jobs.consume(db, 1) == [], "an expired job backs off")
    try:
        await jobs.ack(db, job["job_id"])
        check(False, "an expired job is not running")
    except asyncpg.exceptions.RaiseError:
        pass

    await jobs.publish_bulk(db, [("low", None, None, None, None, None)] * 3)
    high = await jobs.publish(db, "high", priority=10)
    [first] = await jobs.consume(db, 1)
    check(first["job_id"] == high["job_id"], "greater priority first")
    check([r["task"] for r in await jobs.consume_topic(db, "lo%", 2)] == ["low", "low"], "topics")
    check(await jobs.consume_topic(db, "l_w") == [], "an underscore is itself")
    print("{}")


async def schedules(db):
    await migrate(db)
    made = await db.fetchrow(
        "select * from jobs.set_schedule('nightly', 'reports.build', $1, i_cron => '0 3 * * *', i_zone => 'Europe/Berlin')",
        json.dumps({"args": [7]}))
    berlin = made["next_at"].astimezone(zoneinfo.ZoneInfo("Europe/Berlin"))
    check((berlin.hour, berlin.minute) == (3, 0), "three in the night in Berlin")
    edited = await db.fetchrow("select * from jobs.set_schedule('nightly', 'reports.build', i_every => '1 hour', i_overlap => 'skip')")
    check(edited["cron"] is None and edited["every"] == datetime.timedelta(hours=1), "an edit replaces what was said")
    await db.execute("select jobs.pause_schedule('nightly', 'holiday')")
    why = await db.fetch("select code, message from jobs.explain_schedule('nightly')")
    check(why[0]["code"] == "paused" and "holiday" in why[0]["message"], "it says why")
    job_id = await db.fetchval("select jobs.run_schedule('nightly')")
    [claimed] = await jobs.consume(db, 1)
    check(claimed["job_id"] == job_id and claimed["task"] == "reports.build", "the client works on what it published")
    await jobs.ack(db, job_id)
    await db.execute("select jobs.resume_schedule('nightly')")
    log = await db.fetch("select outcome from jobs.schedule_log('nightly')")
    check([row["outcome"] for row in log] == ["resumed", "run", "paused", "set", "set"], "the log")
    try:
        await db.execute("select jobs.set_schedule('x', 'y', i_cron => '61 * * * *')")
        check(False, "a wrong line is refused")
    except asyncpg.exceptions.PostgresError as error:
        check(error.sqlstate == "PT400" and "'61'" in str(error), "and named")
    check(await db.fetchval("select jobs.drop_schedule('nightly')"), "dropped")
    print("{}")


async def unique(db):
    await migrate(db)
    publish = "select (jobs.publish('sync', $1, i_unique => $2)).job_id"
    body = json.dumps({"kwargs": {"customer": 7}})
    one = json.dumps({"arguments": ["customer"]})
    first = await db.fetchval(publish, body, one)
    check(await db.fetchval(publish, body, one) == first, "the job that is there comes back")
    why = await db.fetch("select code from jobs.explain($1)", first)
    check("holds_unique_key" in [row["code"] for row in why], "it says that it holds the key")
    try:
        await db.fetchval(publish, body, json.dumps({"arguments": ["customer"], "on_conflict": "refuse"}))
        check(False, "refused")
    except asyncpg.exceptions.PostgresError as error:
        check(error.sqlstate == "PT409" and first in str(error), "the refusal names the holder")
    await jobs.consume(db, 1)
    await jobs.ack(db, first)
    check(await db.fetchval(publish, body, one) != first, "free once it has ended")
    await jobs.consume(db, 1)
    # A task that declares it: the client's own publish gets the key.
    await db.execute("select jobs.register_tasks($1)", json.dumps([{
        "name": "index", "args_schema": {}, "result_schema": {}, "retries": 3, "timeout": 60, "priority": 4,
        "params": [{"name": "customer", "type": "int", "required": True}],
        "unique": {"arguments": ["customer"], "on_conflict": "postpone", "wait": 30, "max_wait": 60}}]))
    edits = [await jobs.publish(db, "index", kwargs={"customer": 7}) for _ in range(5)]
    check(len({edit["job_id"] for edit in edits}) == 1, "five edits, one job")
    check(edits[0]["priority"] == 4, "what a call does not say is what the task declares")
    waits = await db.fetchval("select scheduled_at - created_at from jobs.job_queue where job_id = $1", edits[0]["job_id"])
    check(datetime.timedelta(seconds=29) < waits <= datetime.timedelta(seconds=60), f"it waits for quiet: {waits}")
    print("{}")


async def main():
    db = await asyncpg.connect(DSN)
    await {"publish": publish, "read": read, "work": work, "refused": refused, "schedules": schedules, "unique": unique, "contract": contract}[sys.argv[2]](db)
    await db.close()


asyncio.run(main())
