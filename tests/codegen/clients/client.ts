/* Calls the generated client; fails on what is not as expected. Type-checked before it runs. */
import assert from "node:assert/strict";
import process from "node:process";
import postgres from "postgres";

import * as demo from "./demo.js";

async function typed(sql: postgres.Sql) {
    const [ping, greet, short] = await sql.begin(async (tx) => [
        await demo.demoPing(tx),
        await demo.demoGreet(tx, { name: "Ada", title: "Dr.", times: 1 }, { priority: 9 }),
        await demo.demoGreet(tx, { name: "Ada" }),
    ] as const);
    const nothing: null = await ping.wait(sql, 30);
    assert.equal(nothing, null);
    const greeting: string = await greet.wait(sql, 30);
    assert.equal(greeting, "en: Dr. Ada");
    assert.equal(await short.wait(sql, 30), "en: Ada Ada");

    const scalars = await demo.demoScalars(sql, { yes: true, small: 2, whole: -3, ratio: 0.5, text: 'é\u2028"', letter: "y" });
    assert.equal(await scalars.wait(sql, 30), 'true 2 -3 0.5 é\u2028" y');
    const [row] = await sql`select timeout::float8, priority, max_retries from jobs.all where job_id = ${scalars.id}`;
    assert.deepEqual({ ...row }, { timeout: 90, priority: 3, max_retries: 5 });
}

async function nested(sql: postgres.Sql) {
    const address: demo.Address = { street: "Main 1", country: "new-zealand" };
    const order: demo.DemoOrderPackArgs = { id: 7, addresses: [address], size: "large", prices: { tea: 2.5 }, range: [1, "z"] };
    const receipt: demo.Receipt = await (await demo.demoOrderPack(sql, order)).wait(sql, 30);
    assert.equal(receipt.orderId, 7);
    assert.equal(receipt.class, "large");
    assert.equal(receipt.sentTo[0]?.country, "new-zealand");
    assert.equal(receipt.note, undefined);

    const shapes: demo.Shape[] = [{ kind: "circle", radius: 1 }, { kind: "square", side: 2 }, { kind: "nothing" }];
    assert.equal(await (await demo.demoArea(sql, { shapes })).wait(sql, 30), 7);
    const pay = await demo.demoPay(sql, { by: { card: { number: "1", month: 2 } }, id: 3, fallback: "cash" });
    assert.deepEqual(await pay.wait(sql, 30), [{ card: { number: "1", month: 2 } }, 3, "cash"]);
    const leaf: demo.Tree = { label: "leaf" };
    const tree = await demo.demoTree(sql, { root: { label: "root", children: [leaf], parent: leaf } });
    assert.equal((await tree.wait(sql, 30)).children?.[0]?.label, "leaf");
    const events: demo.Event[] = [{ event: "was_created", name: "a", what: "Count", how: 1 }, { event: "was_removed", id: 2 }];
    const happened: demo.DemoEventArgs = { events, first: { name: "a", what: "Nothing" }, change: { what: "Text", how: "b" } };
    const event = await demo.demoEvent(sql, happened);
    assert.deepEqual(await event.wait(sql, 30), [events, happened.first, happened.change]);
    const open = (await (await demo.demoOpen(sql, { level: "warn", anything: [1], n: 4 })).wait(sql, 30)) as { fields: unknown };
    assert.deepEqual(open.fields, { n: 4 });
    const words = await demo.demoClass(sql, { type: "t", from: 1, connection: 2, self_: 5 });
    assert.deepEqual(await words.wait(sql, 30), ["t", 9]);
    assert.equal(await (await demo.demoOrderPack2(sql)).wait(sql, 30), "large");
}

async function errors(sql: postgres.Sql) {
    const fail = await demo.demoFail(sql, { reason: "no tea" });
    await assert.rejects(fail.wait(sql, 30), (error: unknown) => {
        assert(error instanceof demo.JobError);
        assert.equal(error.reason, "failed");
        assert.match(error.traceback ?? "", /no tea/);
        return error.jobId === fail.id;
    });
    const later = await demo.demoPing(sql, {}, { scheduledAt: new Date(Date.now() + 86_400_000) });
    assert.equal(await later.isDone(sql), false);
    await assert.rejects(later.wait(sql, 0.1), { reason: "timeout" });
    await sql`select jobs.cancel(array[${later.id}])`;
    await assert.rejects(later.wait(sql, 30), { reason: "cancelled" });

    const large = { yes: true, small: 256, whole: 1, ratio: 1, text: "", letter: "" };
    await assert.rejects(demo.demoScalars(sql, large), { code: "PT422" });
    let undone: demo.Job<null> | undefined;
    await assert.rejects(sql.begin(async (tx) => {
        undone = await demo.demoPing(tx);
        throw new Error("rolled back");
    }));
    await assert.rejects(undone!.wait(sql), { reason: "unknown" });
}

async function workflows(sql: postgres.Sql) {
    const run = await sql.begin((tx) => demo.publishWorkflow<string>(tx, [
        { name: "first", task: "demo.greet", body: { kwargs: { name: "Ada", times: 1 } } },
        { name: "second", task: "demo.greet", body: { kwargs: { times: 1 } }, bind: { name: "first" } },
        { task: "demo.ping", after: [{ node: "first", when: "failure" }] },
    ], { name: "greetings", result: "second", timeout: 600 }));
    const greeting: string = await run.wait(sql, 30);
    assert.equal(greeting, "en: en: Ada");
    const fails: demo.WorkflowNode = { task: "demo.fail", body: { kwargs: { reason: "no tea" } } };
    const broken = await demo.publishWorkflow(sql, [fails, { task: "demo.ping", after: ["demo.fail"] }]);
    await assert.rejects(broken.wait(sql, 30), { state: "failed", workflowId: broken.id });
    const jobs = [await demo.demoGreet(sql, { name: "Ada", times: 1 }), await demo.demoGreet(sql, { name: "Bob", times: 1 })];
    assert.deepEqual(await demo.waitAll(sql, jobs, 30), ["en: Ada", "en: Bob"]);
}

export async function refused(sql: postgres.Sql) {
    // @ts-expect-error: a name is no number
    await demo.demoGreet(sql, { name: 7 });
    // @ts-expect-error: a name is missing
    await demo.demoGreet(sql, {});
    // @ts-expect-error: no such argument
    await demo.demoGreet(sql, { name: "Ada", lokale: "en" });
    // @ts-expect-error: no such shape
    await demo.demoArea(sql, { shapes: [{ kind: "triangle", side: 1 }] });
    // @ts-expect-error: it is a size
    const size: number = await (await demo.demoOrderPack2(sql)).wait(sql);
    // @ts-expect-error: a node has a task
    await demo.publishWorkflow(sql, [{ name: "first" }]);
    // @ts-expect-error: it takes nothing
    await demo.demoPing(sql, { x: size });
}

const [host, port, database, username] = process.argv.slice(2) as [string, string, string, string];
const sql = postgres({ host, port: Number(port), database, username, max: 2, onnotice: () => {} });
await typed(sql);
await nested(sql);
await errors(sql);
await workflows(sql);
await sql.end();
