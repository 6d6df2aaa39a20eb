//! The page: where its panes are.

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Text};
use ratatui::widgets::{Block, Clear, Paragraph};

use super::panes::{lines_of_problems, problems, problems_head, tasks, totals, workers};
use super::snapshot::Snapshot;
use super::state::State;

const KEYS: &str = " q end   p stop   s sort   up/down move   ? help";

const HELP: &str = "\
q, Esc, Ctrl-C  end
p, space        stop the page, and let it go on
s               sort the tasks by the next column
up, down        move through the tasks

Ready    jobs that a worker may claim now
Run      jobs at workers: they run, or are next
Ends/s   jobs that ended, in a second
Fail/s   those of them that failed for good
Failed   failed jobs in history
Oldest   since when the oldest ready job waits
+        at least so many: counting stops there";

/// Draws a page; the panes of workers and problems get what they need, and at most a quarter each.
pub(super) fn draw(frame: &mut ratatui::Frame<'_>, snapshot: &Snapshot, state: &State) {
    let area = frame.area();
    let rows = |number: usize| u16::try_from(number.max(1)).unwrap_or(u16::MAX).min((area.height / 4).max(1));
    let [head, middle, below, title, last, keys] = Layout::vertical([
        Constraint::Length(3),
        Constraint::Min(3),
        Constraint::Length(rows(snapshot.workers.len()) + 1),
        Constraint::Length(1),
        Constraint::Length(rows(lines_of_problems(snapshot, area.width))),
        Constraint::Length(1),
    ])
    .areas(area);
    frame.render_widget(totals(snapshot, state), head);
    frame.render_widget(tasks(snapshot, state, middle.height), middle);
    frame.render_widget(workers(snapshot, below.height), below);
    frame.render_widget(problems_head(snapshot), title);
    frame.render_widget(problems(snapshot), last);
    frame.render_widget(Line::styled(KEYS, Style::new().add_modifier(Modifier::DIM)), keys);
    if state.help {
        help(frame, area);
    }
}

fn help(frame: &mut ratatui::Frame<'_>, area: Rect) {
    let text = Text::from(HELP);
    let (width, height) = (text.width() + 4, text.height() + 2);
    let size = |length: usize| Constraint::Length(u16::try_from(length).unwrap_or(u16::MAX));
    let place = area.centered(size(width), size(height));
    frame.render_widget(Clear, place);
    frame.render_widget(Paragraph::new(text).block(Block::bordered().title(" Help ")), place);
}

/// The page as lines of text.
pub(super) fn text(snapshot: &Snapshot, state: &State, (width, height): (u16, u16)) -> Vec<String> {
    let Ok(mut terminal) = Terminal::new(TestBackend::new(width, height));
    let Ok(drawn) = terminal.draw(|frame| draw(frame, snapshot, state));
    let buffer = drawn.buffer;
    let line = |y| {
        let cells = (0..width).filter_map(|x| buffer.cell((x, y)));
        cells.map(|cell| cell.symbol()).collect::<String>().trim_end().to_owned()
    };
    (0..height).map(line).collect()
}
