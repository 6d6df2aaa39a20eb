
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
