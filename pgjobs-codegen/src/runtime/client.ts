
/** A postgres.js `sql`, or the one of a transaction (`sql.begin`): a job belongs to the transaction it is published in. */
export interface Connection {
    unsafe(query: string, parameters?: any[]): PromiseLike<readonly any[]>;
}

/** How a job is to run. What is left out is as the task says. */
export interface Options {
    scheduledAt?: Date;
    /** In seconds. */
    timeout?: number;
    /** Greater runs first. */
    priority?: number;
    /** Counts runs in all: 3 means at most three. */
    maxRetries?: number;
}

/** A job has no result. */
export class JobError extends Error {
    constructor(
        readonly jobId: string,
        /** Why: it ended as failed or cancelled, is unknown (not committed yet, or its task keeps no history), or takes too long. */
        readonly reason: "failed" | "cancelled" | "unknown" | "timeout",
        /** The last error of a failed job. */
        readonly traceback: string | null = null,
    ) {
        super(`job ${jobId}: ${reason}${traceback === null ? "" : `: ${traceback}`}`);
        this.name = "JobError";
    }
}

/** A published job. */
export class Job<T> {
    constructor(readonly id: string) {}

    /** Whether the job has ended, well or not. */
    async isDone(sql: Connection): Promise<boolean> {
        const { status } = await this.look(sql);
        return status !== "pending" && status !== "running";
    }

    /**
     * Waits for the result. After `limit` seconds it throws, and the job goes on.
     *
     * Commit first: a job is worked on when the transaction that published it has ended.
     */
    async wait(sql: Connection, limit = Infinity): Promise<T> {
        const end = Date.now() + limit * 1000;
        for (let pause = 10; ; pause = Math.min(pause * 1.5, 1000)) {
            const { status, result, traceback } = await this.look(sql);
            if (status === "success") return JSON.parse(result ?? "null") as T;
            if (status === "failed" || status === "cancelled") throw new JobError(this.id, status, traceback);
            if (Date.now() >= end) throw new JobError(this.id, "timeout");
            await new Promise<void>((resolve) => setTimeout(resolve, Math.min(pause, Math.max(end - Date.now(), 0))));
        }
    }

    private async look(sql: Connection): Promise<{ status: string; result: string | null; traceback: string | null }> {
        const [row] = await sql.unsafe("select status, result::text, traceback from jobs.result($1::text)", [this.id]);
        if (row === undefined) throw new JobError(this.id, "unknown");
        return row;
    }
}

async function publish<T>(
    sql: Connection,
    task: string,
    kwargs: object,
    options: Options,
    defaults: Options,
): Promise<Job<T>> {
    const text = (value: number | undefined) => (value === undefined ? null : String(value));
    const [row] = await sql.unsafe(
        "select job_id from jobs.publish($1::text, $2::text::jsonb, $3::text::timestamptz, " +
            "$4::text::numeric, $5::text::integer, $6::text::integer)",
        [
            task,
            JSON.stringify({ args: [], kwargs }),
            options.scheduledAt?.toISOString() ?? null,
            text(options.timeout ?? defaults.timeout),
            text(options.priority ?? defaults.priority),
            text(options.maxRetries ?? defaults.maxRetries),
        ],
    );
    return new Job<T>(row.job_id);
}

/** Waits for the results of all of these jobs, in their order. After `limit` seconds it throws. */
export async function waitAll<T>(sql: Connection, jobs: readonly Job<T>[], limit = Infinity): Promise<T[]> {
    const end = Date.now() + limit * 1000;
    const results: T[] = [];
    for (const job of jobs) results.push(await job.wait(sql, Math.max((end - Date.now()) / 1000, 0)));
    return results;
}

/** What a node waits for. Without `on_failure` as the workflow says; `condition`: what the result contains. */
export type NodeEdge = {
    node: string;
    when?: "success" | "failure" | "ended";
    on_failure?: "hold" | "cancel" | "continue";
    condition?: unknown;
};

/** The arguments of a job. */
export type Body = { args?: readonly unknown[]; kwargs?: object };

/** An argument that is the result of a node: its value, `{Ok: value}` or `{Err: …}`, or a handle to read it by. */
export type NodeResult = string | { node: string; as?: "value" | "results" | "handle" };

/**
 * A node of a workflow: the job of `body`, or one for each body, or element of a node's array, of `each`.
 *
 * `bind` fills in arguments by results of nodes, for which it then waits; `after` waits without taking a result.
 */
export type WorkflowNode = {
    task: string;
    name?: string;
    body?: Body;
    each?: readonly Body[] | { node: string; param?: string; chunk?: number };
    after?: readonly (string | NodeEdge)[];
    bind?: { [argument: string]: NodeResult };
    undo?: { task: string; body?: Body; bind?: { [argument: string]: NodeResult } };
    keep_results?: boolean;
    unique?: false;
    priority?: number;
    timeout?: number;
    max_retries?: number;
    delay?: number;
    scheduled_at?: string;
    meta?: object;
};

/** What holds for a whole workflow. `timeout`: seconds, after which what is left is cancelled; `result`: whose is its own. */
export type WorkflowOptions = {
    name?: string;
    on_failure?: "hold" | "cancel" | "cancel_all" | "continue" | "compensate";
    timeout?: number;
    result?: string;
    meta?: object;
};

/** A workflow has no result. */
export class WorkflowError extends Error {
    constructor(
        readonly workflowId: string,
        /** It is failed (a retry resumes it), cancelled or compensated, or takes too long. */
        readonly state: string,
        readonly reason: string | null = null,
    ) {
        super(`workflow ${workflowId}: ${state}${reason === null ? "" : `: ${reason}`}`);
        this.name = "WorkflowError";
    }
}

/** A published workflow. */
export class Workflow<T> {
    constructor(readonly id: string) {}

    /** Waits for its result. After `limit` seconds it throws, and the workflow goes on. */
    async wait(sql: Connection, limit = Infinity): Promise<T> {
        const end = Date.now() + limit * 1000;
        for (let pause = 10; ; pause = Math.min(pause * 1.5, 1000)) {
            const query = "select state, result::text, reason from jobs.workflow_result($1::text::bigint)";
            const [{ state, result, reason }] = await sql.unsafe(query, [this.id]);
            if (state === "success") return JSON.parse(result ?? "null") as T;
            if (state !== "running" && state !== "compensating") throw new WorkflowError(this.id, state, reason);
            if (Date.now() >= end) throw new WorkflowError(this.id, "timeout");
            await new Promise<void>((resolve) => setTimeout(resolve, Math.min(pause, Math.max(end - Date.now(), 0))));
        }
    }
}

/** Publishes a workflow, all or nothing. */
export async function publishWorkflow<T = unknown>(
    sql: Connection,
    nodes: readonly WorkflowNode[],
    { name, ...options }: WorkflowOptions = {},
): Promise<Workflow<T>> {
    const query = "select jobs.publish_workflow($1::text::jsonb, $2::text, $3::text::jsonb)::text as id";
    const [row] = await sql.unsafe(query, [JSON.stringify(nodes), name ?? null, JSON.stringify(options)]);
    return new Workflow<T>(row.id);
}
