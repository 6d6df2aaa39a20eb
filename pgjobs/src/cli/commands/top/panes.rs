//! The panes of the page. Every text of the database is made safe for a terminal here.

use chrono::{DateTime, Utc};
use ratatui::layout::{Alignment, Constraint};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Cell, Paragraph, Row, Table, Wrap};

use super::snapshot::{Snapshot, TaskNow};
use super::state::{Sort, State};
use crate::cli::database::readers::Of;
use crate::cli::output::format;
use crate::inspect::{Problem, Severity, WorkerRow};
use crate::types::text::shown;

const BOLD: Style = Style::new().add_modifier(Modifier::BOLD);
const DIM: Style = Style::new().add_modifier(Modifier::DIM);
const HEAD: Style = Style::new().add_modifier(Modifier::REVERSED);
const BAD: Style = Style::new().fg(Color::Red);
const ODD: Style = Style::new().fg(Color::Yellow);

/// From so many seconds on the data of a standby are old.
const OLD: f64 = 5.0;

/// Three lines: where it is, and the sums.
pub(super) fn totals(snapshot: &Snapshot, state: &State) -> Paragraph<'static> {
    let totals = &snapshot.totals;
    let clock = snapshot.at.format("%H:%M:%S UTC").to_string();
    let mut first = vec![Span::styled("pgjobs top  ", BOLD)];
    // Before what may be cut off at the end of the line.
    if let Some(standby) = &snapshot.standby {
        let words = format!("standby, {} old  ", format::span(standby.seconds as i64));
        first.push(Span::styled(words, if standby.seconds >= OLD { BAD } else { DIM }));
    }
    first.push(Span::styled(format!("{}  {clock}", shown(&snapshot.database)), BOLD));
    if let Some(trouble) = &state.trouble {
        first.push(Span::styled(format!("  {}", shown(trouble)), BAD));
    } else if state.stopped {
        first.push(Span::styled("  stopped: p goes on", ODD));
    }
    let oldest = totals.oldest_ready.map(|at| format!(" (oldest {})", age(at, snapshot.at)));
    let count = |number: i64| format::counted(number, totals.exact || number == 0);
    let second = format!(
        "ready {}{}  scheduled {}  running {}",
        count(totals.ready),
        oldest.unwrap_or_default(),
        count(totals.scheduled),
        count(totals.running),
    );
    let third = format!(
        "ends {}/s  fails {}/s  {} in {} slots of {} worker{}",
        rate(totals.per_second),
        rate(totals.failed_per_second),
        format::count(totals.held),
        format::count(totals.slots),
        totals.workers,
        if totals.workers == 1 { "" } else { "s" },
    );
    Paragraph::new(Text::from(vec![Line::from(first), Line::from(second), Line::from(third)]))
}

pub(super) fn tasks(snapshot: &Snapshot, state: &State, height: u16) -> Table<'static> {
    let sorted = state.sorted(snapshot);
    let room = usize::from(height.saturating_sub(1));
    let above = state.above.min(sorted.len().saturating_sub(room));
    let rows = sorted.iter().skip(above).take(room).map(|task| row(task, snapshot.at));
    let none = sorted.is_empty().then(|| Row::new([Cell::from(Span::styled("no jobs", DIM))]));
    let mark = |name: &str, sort| if state.sort == sort { format!("{name}*") } else { name.to_owned() };
    let (first, last) = (above + 1, sorted.len().min(above + room));
    let more = match sorted.len() > room {
        true => format!(" {first}-{last}/{}", sorted.len()),
        false => String::new(),
    };
    let header = Row::new([
        Cell::from(mark("Task", Sort::Name) + &more),
        right(mark("Ready", Sort::Ready)),
        right(mark("Run", Sort::Running)),
        right(mark("Ends/s", Sort::Rate)),
        right(mark("Fail/s", Sort::Failures)),
        right("Failed".to_owned()),
        right(mark("Oldest", Sort::Oldest)),
    ])
    .style(HEAD);
    let widths = [
        Constraint::Fill(1),
        Constraint::Length(9),
        Constraint::Length(6),
        Constraint::Length(7),
        Constraint::Length(7),
        Constraint::Length(8),
        Constraint::Length(7),
    ];
    Table::new(rows.chain(none), widths).header(header)
}

fn row(task: &TaskNow, now: DateTime<Utc>) -> Row<'static> {
    let counts = &task.counts;
    let count = |number: i64| format::counted(number, counts.exact || number == 0);
    let name = placed(task.server.as_deref(), &counts.task);
    let name = if task.paused { format!("{name} (paused)") } else { name };
    let failing = if task.failed_per_second > 0.0 { BAD } else { Style::new() };
    Row::new([
        Cell::from(name),
        right(count(counts.ready)),
        right(count(counts.running)),
        right(rate(task.per_second)),
        right(rate(task.failed_per_second)).style(failing),
        right(count(counts.failed)),
        right(counts.oldest_ready.map_or_else(|| "-".to_owned(), |at| age(at, now))),
    ])
}

pub(super) fn workers(snapshot: &Snapshot, height: u16) -> Table<'static> {
    // Those that live first, and of each the newest.
    let mut sorted: Vec<&Of<WorkerRow>> = snapshot.workers.iter().collect();
    sorted.sort_by_key(|worker| (!worker.row.alive, std::cmp::Reverse(worker.row.started_at)));
    let rows = sorted.iter().take(usize::from(height.saturating_sub(1)));
    let rows = rows.map(|worker| worker_row(worker, snapshot.at));
    let none = sorted.is_empty().then(|| Row::new([Cell::from(Span::styled("no worker", BAD))]));
    let header = Row::new([
        Cell::from(format!("Worker ({})", sorted.len())),
        right("Slots".to_owned()),
        Cell::from("State"),
        right("Seen".to_owned()),
        Cell::from("Topics"),
    ]);
    let widths = [
        Constraint::Fill(2),
        Constraint::Length(11),
        Constraint::Length(7),
        Constraint::Length(6),
        Constraint::Fill(1),
    ];
    Table::new(rows.chain(none), widths).header(header.style(HEAD))
}

fn worker_row(Of { server, row: worker }: &Of<WorkerRow>, now: DateTime<Utc>) -> Row<'static> {
    let (state, style) = match (worker.alive, worker.paused_at) {
        (false, _) => ("lost", BAD),
        (true, Some(_)) => ("paused", ODD),
        (true, None) => ("alive", Style::new()),
    };
    let topics = if worker.topics.is_empty() { "*".to_owned() } else { worker.topics.join(" ") };
    Row::new([
        Cell::from(format!(
            "{}:{} {}",
            placed(server.as_deref(), &worker.host),
            worker.pid,
            shown(&worker.version)
        )),
        right(format!("{}/{}", worker.held, worker.slots)),
        Cell::from(state).style(style),
        right(age(worker.heartbeat_at, now)),
        Cell::from(shown(&topics).into_owned()),
    ])
}

/// How many problems there are, as a head over them.
pub(super) fn problems_head(snapshot: &Snapshot) -> Line<'static> {
    let head = match snapshot.problems.len() {
        0 => "No problems".to_owned(),
        1 => "1 problem: `pgjobs doctor` names the remedy".to_owned(),
        number => format!("{number} problems: `pgjobs doctor` names the remedies"),
    };
    Line::from(head).style(HEAD)
}

pub(super) fn problems(snapshot: &Snapshot) -> Paragraph<'static> {
    Paragraph::new(snapshot.problems.iter().map(problem).collect::<Vec<_>>()).wrap(Wrap { trim: true })
}

/// How many lines of this width the problems take, about.
pub(super) fn lines_of_problems(snapshot: &Snapshot, width: u16) -> usize {
    let width = usize::from(width).saturating_sub(8).max(1); // words do not fill each line
    snapshot.problems.iter().map(|one| problem(one).width().div_ceil(width)).sum()
}

fn problem(Of { server, row: problem }: &Of<Problem>) -> Line<'static> {
    let style = if problem.severity == Severity::Error { BAD } else { ODD };
    let what = format!(" {}: {}", placed(server.as_deref(), &problem.code), shown(&problem.message));
    Line::from(vec![Span::styled(problem.severity.as_str(), style), Span::raw(what)])
}

/// A text of the database, after the server that it is of where there are several.
fn placed(server: Option<&str>, text: &str) -> String {
    let server = server.map(|server| format!("{server}/")).unwrap_or_default();
    format!("{server}{}", shown(text))
}

fn right(text: String) -> Cell<'static> {
    Cell::from(Text::from(text).alignment(Alignment::Right))
}

/// "0", "0.3", "12", "1,234": jobs in a second.
fn rate(per_second: f64) -> String {
    match per_second {
        rate if rate <= 0.0 => "0".to_owned(),
        rate if rate < 10.0 => format!("{rate:.1}"),
        rate => format::count(rate.min(1e15).round() as u64),
    }
}

/// "12s", "3m", "2h", "4d".
fn age(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    match (now - at).num_seconds().max(0) {
        seconds @ 0..100 => format!("{seconds}s"),
        seconds @ 100..6000 => format!("{}m", seconds / 60),
        seconds @ 6000..172_800 => format!("{}h", seconds / 3600),
        seconds => format!("{}d", seconds / 86_400),
    }
}
