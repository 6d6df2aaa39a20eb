//! The checker: what the database and the notes must agree on when everything has ended.

use std::time::Duration;

use pgjobs_tests::Db;
use sqlx::Row;

#[derive(Debug)]
pub(crate) struct Findings {
    pub(crate) published: usize,
    pub(crate) runs: usize,
    /// Ends that were refused because the lease was gone.
    pub(crate) fenced: usize,
    /// Published, and not in history as a success.
    pub(crate) lost: i64,
    /// In history more than once, or with more or fewer effects than one, or with that of another attempt.
    pub(crate) twice: i64,
    /// Started after the attempt that was accepted, or twice as the same attempt, or out of order (but for what a zombie
    /// still starts: it cannot know).
    pub(crate) disorderly: i64,
    /// Started again although the process that ran it before was left in peace.
    pub(crate) overlapping: i64,
    /// The longest time from a fault to the next start of a job that ran in that process.
    pub(crate) slowest_recovery: Option<f64>,
    /// Of all faults but the slowest twentieth.
    pub(crate) usual_recovery: Option<f64>,
    /// How long the machine let a thread wait that had nothing to do with it, at the worst.
    pub(crate) late: Duration,
}

const LOST: &str = "
select count(*) from lab.published p
where not exists (select 1 from jobs.job h where h.job_id = p.job_id and h.status = 'success')";

const TWICE: &str = "
select count(*) from (
  select h.job_id from jobs.job h left join lab.effect e on e.job_id = h.job_id
  group by h.job_id
  having count(distinct h.ctid) <> 1 or count(e.job_id) <> 1 or min(e.attempt) <> min(h.attempt)) wrong";

const DISORDERLY: &str = "
select (select count(*) from lab.event s join jobs.job h using (job_id) where s.what = 'start' and s.attempt > h.attempt)
  + (select count(*) from (select 1 from lab.event s where s.what = 'start' group by s.job_id, s.attempt having count(*) > 1) same)
  + (select count(*) from (select s.attempt - lag(s.attempt) over (partition by s.job_id order by s.nth) as step
                           from lab.event s
                           where s.what = 'start' and not exists (select 1 from lab.fault f where f.pid = s.pid and f.at < s.at)) o
     where o.step <= 0)";

/// A process is left in peace until its first fault.
const OVERLAPPING: &str = "
select count(*)
from (select s.at, s.pid, lead(s.at) over (partition by s.job_id order by s.attempt) as next from lab.event s where s.what = 'start') s
where s.next is not null and not exists (select 1 from lab.fault f where f.pid = s.pid and f.at < s.next)";

/// By the attempt that follows. One that was claimed by a worker which was killed in turn, before it could start
/// the job, is no measure of how long the first one's jobs waited.
const RECOVERIES: &str = "
select max(r.took), percentile_disc(0.95) within group (order by r.took)
from (select extract(epoch from max(s.next - f.at))::float8 as took
from lab.fault f
join (select s.at, s.pid, s.job_id, s.attempt, lead(s.at) over (partition by s.job_id order by s.attempt) as next,
             lead(s.attempt) over (partition by s.job_id order by s.attempt) as next_attempt
      from lab.event s where s.what = 'start') s
  on s.pid = f.pid and s.at < f.at and s.next > f.at and s.next_attempt = s.attempt + 1
group by f.ctid) r";

pub(crate) async fn findings(db: &Db) -> Findings {
    let count = async |sql: &str| db.one::<i64>(sql).await;
    let recoveries = sqlx::query(RECOVERIES).fetch_one(&db.pool).await.expect("recoveries");
    let size = async |sql: &str| usize::try_from(count(sql).await).expect("a count");
    Findings {
        published: size("select count(*) from lab.published").await,
        runs: size("select count(*) from lab.event where what = 'start'").await,
        late: Duration::ZERO,
        fenced: size("select count(*) from lab.event where what = 'fenced'").await,
        lost: count(LOST).await,
        twice: count(TWICE).await,
        disorderly: count(DISORDERLY).await,
        overlapping: count(OVERLAPPING).await,
        slowest_recovery: recoveries.get(0),
        usual_recovery: recoveries.get(1),
    }
}

impl Findings {
    /// What must hold whatever happened.
    pub(crate) fn assert_sound(&self, experiment: &str) {
        let wrong = (self.lost, self.twice, self.disorderly);
        assert_eq!(wrong, (0, 0, 0), "{experiment}: lost, twice, disorderly in {self:?}");
        assert!(self.runs >= self.published, "{experiment}: every job has started: {self:?}");
    }
}
