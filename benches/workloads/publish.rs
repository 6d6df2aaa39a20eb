//! The workloads: how the jobs of each are published.

use std::pin::Pin;

use pgjobs::Task;
use pgjobs::sqlx::{self, PgPool};
use pgjobs::workflow::{Flow, chord};

use crate::{Result, tasks};

/// The jobs of a wide workflow.
const WIDE: usize = 10_000;

type Published = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

pub(crate) struct Workload {
    pub(crate) name: &'static str,
    /// SQL that is run in its database first.
    pub(crate) before: &'static str,
    pub(crate) publish: fn(PgPool, usize) -> Published,
    /// How many jobs there are to drain.
    pub(crate) count: &'static str,
    /// It gets one n-th of the jobs, as it is slower.
    pub(crate) share: usize,
}

const PENDING: &str = "select count(*) from jobs.job_queue";

/// The jobs of the groups, and for each group the one that comes after it.
const FAN_IN: &str = "select count(*) + count(*) / 10000 from jobs.job_queue where task = 'load.square'";

const PLAIN: Workload = Workload {
    name: "plain, published together",
    before: "",
    publish: |pool, n| together(pool, n, |n| tasks::plain::new(n, n % 1000)),
    count: PENDING,
    share: 1,
};

pub(crate) const WORKLOADS: &[Workload] = &[
    PLAIN,
    Workload { name: "plain, in single rows", publish: |pool, n| Box::pin(in_single_rows(pool, n)), ..PLAIN },
    Workload {
        name: "plain, one by one",
        publish: |pool, n| Box::pin(one_by_one(pool, n)),
        share: 10,
        ..PLAIN
    },
    Workload {
        name: "without history (`keep = \"none\"`)",
        publish: |pool, n| together(pool, n, tasks::no_history::new),
        ..PLAIN
    },
    Workload {
        name: "with a result of 8 numbers",
        publish: |pool, n| together(pool, n, tasks::result::new),
        ..PLAIN
    },
    Workload {
        name: "with a result of one number",
        publish: |pool, n| together(pool, n, tasks::square::new),
        ..PLAIN
    },
    Workload {
        name: "batch handler, 100 a call",
        publish: |pool, n| together(pool, n, tasks::batch::new),
        ..PLAIN
    },
    Workload { name: "events watched", before: "select jobs.watch('load.*')", ..PLAIN },
    Workload {
        name: "unique keys",
        publish: |pool, n| together(pool, n, tasks::unique::new),
        share: 2,
        ..PLAIN
    },
    Workload {
        name: "a limit of 1,000 at once",
        publish: |pool, n| together(pool, n, tasks::capped::new),
        share: 2,
        ..PLAIN
    },
    Workload {
        name: "a limit of 2 for each of 1,000 keys",
        publish: |pool, n| together(pool, n, |n| tasks::keyed::new(n % 1000)),
        share: 6,
        ..PLAIN
    },
    Workload {
        name: "workflows: 100 jobs, then one with their results",
        publish: |pool, n| Box::pin(chords(pool, n)),
        count: "select count(*) + count(*) / 100 from jobs.job_queue where task = 'load.square'",
        share: 4,
        ..PLAIN
    },
    Workload {
        name: "a workflow: 10,000 jobs, then one",
        publish: |pool, n| Box::pin(fan_in(pool, n)),
        count: FAN_IN,
        ..PLAIN
    },
    Workload {
        name: "a workflow: 10,000 jobs, then one with their results",
        publish: |pool, n| Box::pin(wide_chords(pool, n)),
        count: FAN_IN,
        ..PLAIN
    },
    Workload {
        name: "a transaction of its own for each end",
        publish: |pool, n| together(pool, n, tasks::own_transaction::new),
        share: 10,
        ..PLAIN
    },
    Workload {
        name: "one step each",
        publish: |pool, n| together(pool, n, tasks::step::new),
        share: 10,
        ..PLAIN
    },
];

fn together<T: Task + Send + Sync + 'static>(pool: PgPool, n: usize, call: fn(i64) -> T) -> Published {
    Box::pin(async move {
        pgjobs::publish_all(&pool, (0..n as i64).map(call)).await?;
        Ok(())
    })
}

async fn one_by_one(pool: PgPool, n: usize) -> Result<()> {
    let mut connection = pool.acquire().await?;
    for n in 0..n as i64 {
        tasks::plain::publish(&mut connection, n, n % 1000).await?;
    }
    Ok(())
}

/// As they lie when they are published in groups of less than 64.
async fn in_single_rows(pool: PgPool, n: usize) -> Result<()> {
    let publish = "select count(*) from (select jobs.publish_arrays('{load.plain}', (select array_agg(
        jsonb_build_object('args', jsonb_build_array(n, n % 1000))) from generate_series(1, $1) n), null, null, null, null, null, i_pack => false)) p";
    for _ in 0..n / 1000 {
        sqlx::query(publish).bind(1000).execute(&pool).await?;
    }
    Ok(())
}

async fn fan_in(pool: PgPool, n: usize) -> Result<()> {
    for _ in 0..n.div_ceil(WIDE) {
        let mut flow = Flow::new("fan in");
        let all = flow.group("all", (0..WIDE as i64).map(tasks::square::new));
        flow.node("end", tasks::plain::new(0, 0)).after(&all);
        flow.publish(&pool).await?;
    }
    Ok(())
}

async fn wide_chords(pool: PgPool, n: usize) -> Result<()> {
    for _ in 0..n.div_ceil(WIDE) {
        chord((0..WIDE as i64).map(tasks::square::new), tasks::sum::after()).publish(&pool).await?;
    }
    Ok(())
}

async fn chords(pool: PgPool, n: usize) -> Result<()> {
    for _ in 0..n / 100 {
        chord((0..100).map(tasks::square::new), tasks::sum::after()).publish(&pool).await?;
    }
    Ok(())
}
