//! Publish layers: code of the program's own before every publish.

use std::error::Error as StdError;
use std::sync::OnceLock;

use crate::types::error::Error;
use crate::types::job_request::JobRequest;

type Refusal = Box<dyn StdError + Send + Sync>;
type PublishLayer = Box<dyn Fn(&mut JobRequest) -> Result<(), Refusal> + Send + Sync>;

/// The list of this process. It only grows, so it is read without a lock: an empty one is one atomic load.
static FIRST: OnceLock<Box<Link>> = OnceLock::new();

struct Link {
    layer: PublishLayer,
    next: OnceLock<Box<Link>>,
}

/// Calls this before each job that this process publishes: a publish layer.
///
/// It sees the task's name and the options, may change the options, and may refuse the job with an error,
/// which the publisher gets as [`Error::PublishRefused`]; then nothing of that call is published. It does not
/// see the arguments. Layers are called in the order in which they were added, each with what those before it
/// left. They apply to the whole process and stay until it ends, so add them in `main`, before anything is
/// published; each call adds one more.
///
/// Every way to publish from Rust goes through them: a typed call, [`publish_all`](crate::publish_all) (once
/// for each job), a [`workflow`](crate::workflow) (once for each node), [`NewJob`](crate::NewJob) and the
/// command line of your program, to a pool, a connection, a transaction or a [`Tx`](crate::Tx) (when the job
/// is published to it, not at its commit). What is published in SQL, by a trigger or by another language does
/// not, and neither does a job that runs again.
///
/// A layer runs before the job is in the database and does not hear whether its transaction commits. It
/// delays the caller, so it should not block. A panic in it is a panic of the caller.
///
/// ```no_run
/// use std::sync::atomic::{AtomicBool, Ordering};
///
/// static CLOSED: AtomicBool = AtomicBool::new(false);
///
/// fn main() {
///     pgjobs::on_publish(|job| {
///         if CLOSED.load(Ordering::Relaxed) && job.task().starts_with("mail.") {
///             return Err("mail is closed for today".into());
///         }
///         Ok(())
///     });
///     // … publish, work …
/// }
/// ```
pub fn on_publish<F>(layer: F)
where
    F: Fn(&mut JobRequest) -> Result<(), Box<dyn StdError + Send + Sync>> + Send + Sync + 'static,
{
    append(&FIRST, Box::new(layer));
}

/// Passes every job through the layers; the first refusal refuses all.
pub(super) fn apply_layers(requests: &mut [JobRequest]) -> Result<(), Error> {
    apply(&FIRST, requests)
}

fn append(first: &'static OnceLock<Box<Link>>, layer: PublishLayer) {
    let mut link = Box::new(Link { layer, next: OnceLock::new() });
    let mut end = first;
    loop {
        while let Some(link) = end.get() {
            end = &link.next;
        }
        match end.set(link) {
            Ok(()) => return,
            Err(back) => link = back, // another thread has appended one meanwhile
        }
    }
}

fn apply(first: &OnceLock<Box<Link>>, requests: &mut [JobRequest]) -> Result<(), Error> {
    let mut rest = first.get();
    while let Some(link) = rest {
        for request in &mut *requests {
            (link.layer)(request)
                .map_err(|reason| Error::PublishRefused { task: request.task().to_owned(), reason })?;
        }
        rest = link.next.get();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Barrier, Mutex};

    use super::*;
    use crate::types::call_options::CallOptions;

    fn requests(tasks: &[&'static str]) -> Vec<JobRequest> {
        let request =
            |task: &&'static str| JobRequest::new((*task).into(), [(); 0], [(); 0], CallOptions::none());
        tasks.iter().map(request).collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn layers_are_called_in_order_and_each_sees_what_those_before_it_left() {
        static LIST: OnceLock<Box<Link>> = OnceLock::new();
        let mut jobs = requests(&["a", "b"]);
        apply(&LIST, &mut jobs).unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        append(
            &LIST,
            Box::new(|job| {
                job.set_priority(job.priority() + 1);
                Ok(())
            }),
        );
        let notes = seen.clone();
        append(
            &LIST,
            Box::new(move |job| {
                notes.lock().unwrap().push((job.task().to_owned(), job.priority()));
                Ok(())
            }),
        );
        apply(&LIST, &mut jobs).unwrap();
        assert_eq!(*seen.lock().unwrap(), [("a".to_owned(), 1), ("b".to_owned(), 1)]);
    }

    #[test]
    fn a_refusal_names_the_task_and_the_reason_and_ends_the_call() {
        static LIST: OnceLock<Box<Link>> = OnceLock::new();
        append(&LIST, Box::new(|job| if job.task() == "b" { Err("closed".into()) } else { Ok(()) }));
        append(&LIST, Box::new(|_| panic!("after a refusal")));
        let error = apply(&LIST, &mut requests(&["a", "b", "c"])).unwrap_err();
        assert_eq!(error.to_string(), "task `b`: a publish layer of this program refused the job: closed");
        assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "closed");
    }

    #[test]
    fn layers_that_threads_add_at_once_are_all_kept() {
        static LIST: OnceLock<Box<Link>> = OnceLock::new();
        let start = Barrier::new(8);
        std::thread::scope(|threads| {
            for _ in 0..8 {
                threads.spawn(|| {
                    start.wait();
                    for _ in 0..100 {
                        append(
                            &LIST,
                            Box::new(|job| {
                                job.set_priority(job.priority() + 1);
                                Ok(())
                            }),
                        );
                    }
                });
            }
        });
        let mut jobs = requests(&["a"]);
        apply(&LIST, &mut jobs).unwrap();
        assert_eq!(jobs[0].priority(), 800);
    }
}
