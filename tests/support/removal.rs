//! The database of a test goes with the test: hundreds of them at once would take ten gigabytes.

use std::sync::LazyLock;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use tokio::runtime::Builder;

use crate::SERVER;

/// Removes the database soon, beside the tests: whoever drops a value cannot wait for the server.
pub(crate) fn remove(database: String) {
    static REMOVER: LazyLock<Sender<String>> = LazyLock::new(start);
    // Once the thread has ended there is nothing to remove: it lives as long as the program.
    let _ = REMOVER.send(database);
}

fn start() -> Sender<String> {
    let (sender, names) = channel::<String>();
    thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        for name in names {
            let server = SERVER.get().expect("whoever has a database has its server");
            // A test may have killed the server; what is left then goes with the server's folder.
            let _ = runtime.block_on(server.drop_database(&name));
        }
    });
    sender
}

#[cfg(test)]
mod tests {
    use crate::{Db, until};

    #[tokio::test]
    async fn a_database_goes_with_its_test() {
        let (kept, gone) = (Db::empty().await, Db::empty().await);
        let name = gone.name();
        drop(gone);
        let sql = format!("select not exists (select from pg_database where datname = '{name}')");
        until("the database is removed", || async { kept.one(&sql).await }).await;
    }
}
