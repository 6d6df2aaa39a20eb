//! Statements that send as many values as their caller has.

use crate::library;

/// Functions of the db floor that send an array without a `Chunk`, and what bounds it instead.
const BOUNDED_ARRAYS: &[(&str, &str, &str)] = &[
    ("beat.rs", "beat", "runs that the worker holds"),
    ("claim.rs", "claim", "watermarks: one for each task and priority of the worker"),
    ("claim.rs", "fail_next", "names of the worker's tasks"),
    ("claim.rs", "start", "runs that begin, at most the worker's slots"),
    ("command.rs", "commands", "commands that the caller has sent, one for each worker"),
    ("counts.rs", "lost", "names of the program's tasks"),
    ("deploy.rs", "in_use", "names of the program's tasks"),
    ("deploy.rs", "open_bodies", "deploy/sampling.rs asks for 20 jobs"),
    ("edit.rs", "redrive", "jobs.redrive takes a thousand; cli/commands/jobs/selection.rs asks for so many"),
    ("events.rs", "watch", "kinds of events, of which there are eight"),
    ("settle.rs", "settle", "worker/settle_loop.rs cuts by number and bytes"),
    ("steps.rs", "unknown", "steps that the program's tasks declare"),
    ("testing.rs", "advance", "workers that died of a fault in one test"),
    ("testing.rs", "hold_others", "names of one task"),
    ("testing.rs", "next_due", "names of the program's tasks"),
    ("testing.rs", "published", "names of one task"),
];

/// A statement that sends as many values as its caller has grows the server with them. Whoever writes the next one
/// takes a `Chunk`, or says here what bounds it.
#[test]
fn arrays_are_sent_in_chunks_or_have_a_bound() {
    let mut found = Vec::new();
    for (_, path, text) in library().into_iter().filter(|(module, ..)| module == "db") {
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        let functions = text.split("\nasync fn ").flat_map(|part| part.split("\npub(crate) async fn "));
        for function in functions.skip(1).filter(|function| function.contains(".bind(")) {
            let (name, _) = function.split_once(['(', '<']).unwrap();
            let (signature, body) = function.split_once(" {\n").unwrap();
            let sends = signature.contains("&[") || body.contains("collect::<Vec<");
            if sends && !signature.contains("Chunk<") {
                found.push((file.clone(), name.to_owned()));
            }
        }
    }
    let said = |(file, name): &(String, String)| {
        BOUNDED_ARRAYS.iter().any(|(known, function, _)| known == file && function == name)
    };
    let unbounded: Vec<_> = found.iter().filter(|function| !said(function)).collect();
    assert!(unbounded.is_empty(), "these send arrays of any size: {unbounded:?}");
    let gone: Vec<_> = BOUNDED_ARRAYS
        .iter()
        .filter(|(file, name, _)| !found.contains(&((*file).to_owned(), (*name).to_owned())))
        .collect();
    assert!(gone.is_empty(), "these send no arrays any more: {gone:?}");
}
